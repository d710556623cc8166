package flannel

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/google/go-cmp/cmp"
)

const conf = `{"name":"cbr0","cniVersion":"1.0.0","type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}`

const env = "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "subnet.env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDelegate(t *testing.T) {
	c, err := parse([]byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSubnet(write(t, env))
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.delegate(s)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "bridge", "name": "cbr0", "cniVersion": "1.0.0", "mtu": 1450.0, "ipMasq": false, "isGateway": true,
		"hairpinMode": true, "isDefaultGateway": true,
		"ipam": map[string]any{
			"type": "host-local", "dataDir": "/run/flannel/leases",
			"ranges": []any{[]any{map[string]any{"subnet": "10.42.3.0/24"}}},
			"routes": []any{map[string]any{"dst": "10.42.0.0/16"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIncompleteSubnet(t *testing.T) {
	for _, content := range []string{"", "FLANNEL_SUBNET=10.42.3.1/24\n", "FLANNEL_NETWORK=x\n", "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=big\n"} {
		if s, err := readSubnet(write(t, content)); err == nil {
			t.Errorf("%q read as %+v", content, s)
		}
	}
}

func TestRefusesForeignAddressing(t *testing.T) {
	if _, err := parse([]byte(`{"name":"n","cniVersion":"1.0.0","delegate":{"ipam":{}}}`)); err == nil {
		t.Error("ipam in the delegate was accepted")
	}
	c, err := parse([]byte(`{"name":"n","cniVersion":"1.0.0","delegate":{"type":"macvlan"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.delegate(subnet{}); err == nil {
		t.Error("delegate macvlan was accepted")
	}
}

func TestDeletingTheUnknownSucceeds(t *testing.T) {
	stdin := []byte(`{"name":"cbr0","cniVersion":"1.0.0","recordDir":"` + t.TempDir() + `"}`)
	if err := del(&skel.CmdArgs{ContainerID: "gone", StdinData: stdin}); err != nil {
		t.Error(err)
	}
}
