package shutdown

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSequence(t *testing.T) {
	want, err := os.ReadFile("testdata/sequence.golden")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), Print()); d != "" {
		t.Error(d)
	}
}

func TestUnmountOrder(t *testing.T) {
	const mountinfo = `20 1 253:0 / / ro,relatime shared:1 - erofs /dev/dm-0 ro
21 20 0:5 / /dev rw - devtmpfs devtmpfs rw
22 20 0:20 / /run rw - tmpfs tmpfs rw
23 20 0:21 / /etc rw - overlay etc rw
24 20 254:2 / /boot ro - vfat /dev/vda2 ro
25 22 254:5 / /run/proa/data rw - ext4 /dev/vda5 rw
26 20 254:5 /var /var rw - ext4 /dev/vda5 rw
27 26 0:50 / /var/lib/kubelet/pods/1/volumes/a\040b rw - tmpfs tmpfs rw
28 22 0:51 / /run/k3s/containerd/rootfs rw - overlay overlay rw
29 22 0:4 net:[1] /run/netns/cni-1 rw - nsfs nsfs rw
`
	want := []string{"/run/netns/cni-1", "/run/k3s/containerd/rootfs", "/var/lib/kubelet/pods/1/volumes/a b", "/var", "/run/proa/data", "/boot"}
	if d := cmp.Diff(want, parse(mountinfo)); d != "" {
		t.Error(d)
	}
}

// TestPanicGoesOn: no step may keep the machine from going down.
func TestPanicGoesOn(t *testing.T) {
	var said []string
	m := &Machine{Logf: func(f string, a ...any) { said = append(said, f) }}
	guard(m, Step{"explode", func(*Machine) { panic("boom") }})
	if len(said) != 1 {
		t.Errorf("said %v", said)
	}
}
