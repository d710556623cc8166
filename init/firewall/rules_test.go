package firewall

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/init/sys"
)

// TestText has the tables of three machines as golden files.
func TestText(t *testing.T) {
	for name, doc := range map[string]string{
		"server": "network: {firewall: {allow: [tcp/8080, udp/5000-5010 from 192.168.1.0/24, tcp/9000 from fd00::/8], inside: [cali*]}}\n" +
			"k3s: {args: [--service-cidr=10.96.0.0/12, --https-listen-port=7443, --kube-apiserver-arg=service-node-port-range=20000-20100]}\n",
		"agent": "k3s: {server_url: 'https://10.0.0.1:6443', token: a}\n",
		"bare":  "k3s: {enabled: false}\nupgrade: {peers: true}\n",
	} {
		golden.Check(t, name, For(documented(t, doc)).Text())
	}
}

// TestBridged: the members of a bridge of the configuration reach each other, those of others do not.
func TestBridged(t *testing.T) {
	text := For(documented(t, "network: {interfaces: {br0: {bridge: {members: [eth0, eth1]}}, bond0: {bond: {members: [eth2]}}}}\n")).Text()
	_, forward, _ := strings.Cut(text, "chain forward")
	if !strings.Contains(forward, `iifname "br0" oifname "br0" accept`) || strings.Contains(text, "bond0") {
		t.Error(text)
	}
}

// TestNothingOfOthers: values that the runtime would refuse are not passed to nft.
func TestNothingOfOthers(t *testing.T) {
	c := config.Default()
	c.K3s.Args = []string{"--service-cidr=0.0.0.0/0 accept", "--https-listen-port=1; accept", "--kube-apiserver-arg=service-node-port-range=1-2 }"}
	r := For(c)
	if text := r.Text(); r.Services != k3sflags.ServiceCIDR || strings.Contains(text, "1; accept") || !strings.Contains(text, "tcp dport 6443") || !strings.Contains(text, "tcp dport "+defaultNodePorts) {
		t.Errorf("%s", text)
	}
}

// TestOldKernel: a kernel without the cgroup match gets the rest of the table, and the console says what is missing;
// without nft the step fails.
func TestOldKernel(t *testing.T) {
	said := ""
	fake := &once{Fake: sys.Fake{}}
	f := &Filter{Sys: fake, Logf: func(s string, _ ...any) { said += s }}
	if err := f.Set(context.Background(), documented(t, "")); err != nil || strings.Contains(fake.Files[File], "cgroupv2") || !strings.Contains(said, "network.firewall.allow") {
		t.Errorf("%v, said %q\n%s", err, said, fake.Files[File])
	}
	dead := &sys.Fake{Fail: map[string]error{"nft": errors.New("not found")}}
	f = &Filter{Sys: dead, Logf: t.Logf}
	if err := f.Set(context.Background(), documented(t, "")); err == nil || !strings.Contains(err.Error(), "firewall rules not loaded") {
		t.Errorf("%v", err)
	}
}

// once fails for tables with a socket match.
type once struct{ sys.Fake }

func (o *once) Run(ctx context.Context, argv ...string) (string, error) {
	if strings.Contains(o.Files[File], "cgroupv2") {
		return "Could not process rule: No such file or directory", errors.New("exit status 1")
	}
	return o.Fake.Run(ctx, argv...)
}
