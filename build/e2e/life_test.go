package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/remote"
)

// lifeConfig has two keys, one of which is revoked later, and labels of which the API server refuses some.
const lifeConfig = "version: 1\nhostname: edge-1\nk3s: {labels: {site: harbour, place: my harbour, node-role.kubernetes.io/worker: 'true'}}\nssh_authorized_keys: ['%KEY%', '%SECOND%']\n"

// lifeDisk is small, so that it can be filled quickly.
const lifeDisk = 3 << 30

// life is a machine with pods whose environment changes.
type life struct {
	*machine
	config string     // the machine's config.yaml
	second remote.Key // second authorized key
}

// TestLife tests what happens to a machine after its first day: it is moved to another network, renamed, restarted
// without a cable, and its disk is filled up. Each time node and pods recover without help. PROA_LIFE selects parts.
func TestLife(t *testing.T) {
	needs(t, "faults")
	second, err := remote.NewKey("second")
	if err != nil {
		t.Fatal(err)
	}
	o := onDisk
	o.disk, o.moves, o.config = lifeDisk, true, strings.ReplaceAll(lifeConfig, "%SECOND%", second.Authorized)
	l := &life{machine: readyOn(t, o), second: second}
	l.config = l.run("cat /boot/config.yaml", nil)
	for _, manifest := range []string{"one.yaml", "client.yaml", "witness.yaml"} {
		apply(l.machine, manifest)
	}
	l.podsAnswer()
	for _, part := range []struct {
		name string
		run  func(*testing.T, *life)
	}{
		{"labels", labelsLeftOut}, {"devices", devices}, {"resized", resized}, {"moved", moved}, {"cable-pulled", cablePulled}, {"new-name", newName}, {"no-cable", noCable}, {"full", fullDisk},
	} {
		if only := os.Getenv("PROA_LIFE"); only != "" && !strings.Contains(","+only+",", ","+part.name+",") {
			continue
		}
		if !t.Run(part.name, func(t *testing.T) { l.t = t; part.run(t, l) }) {
			t.FailNow() // the next part depends on the state of the machine
		}
		l.t = t
	}
	l.off()
	cleanDisk(t, l.spec.Image)
}

// podsAnswer: the deployments are available, a pod reaches another by its Service's name, and the host reaches one from
// outside.
func (l *life) podsAnswer() {
	l.t.Helper()
	l.nodeReady()
	for _, name := range []string{"-n kube-system deployment/coredns", "deployment/hello", "deployment/witness"} {
		l.run("kubectl rollout status "+name+" --timeout=20m", nil)
	}
	l.run("kubectl wait pod/client --for=condition=Ready --timeout=20m", nil)
	l.until("kubectl exec client -- /hello http://hello.default.svc.cluster.local/", "hello from hello-", podBudget)
	askNodePort(l.t, l.machine, "hello from hello-")
}

// labelsLeftOut: if the API server refuses one label of a node, only that label is missing.
func labelsLeftOut(t *testing.T, l *life) {
	got := l.run("kubectl get node edge-1 --show-labels --no-headers", nil)
	if !strings.Contains(got, "site=harbour") || strings.Contains(got, "my harbour") || strings.Contains(got, "node-role.kubernetes.io/worker") {
		t.Errorf("labels: %s", got)
	}
	status := unfolded(l.run("proa status", nil))
	for _, want := range []string{"config.yaml:3:38: labels: want at most 63", "config.yaml:3:50: labels: want a label that a node may set itself", "mode disk, good"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
}

// devices: opening the device node of a module that is not loaded loads it.
func devices(t *testing.T, l *life) {
	if got := l.run("grep -c '^tun ' /proc/modules; stat -c %a /dev/net/tun; exec 3<> /dev/net/tun; grep -c '^tun ' /proc/modules", nil); got != "0\n666\n1\n" {
		t.Errorf("/dev/net/tun: %q", got)
	}
}

// resized: a running container gets other limits and then its own again, as in Kubernetes' conformance test "resize
// with equivalents".
func resized(t *testing.T, l *life) {
	apply(l.machine, "small.yaml")
	l.run("kubectl wait pod/small --for=condition=Ready --timeout=20m", nil)
	before := l.run(containers, nil)
	for _, to := range []struct{ request, limit string }{{"1m", "5m"}, {"2m", "10m"}, {"100m", "200m"}} {
		l.run(fmt.Sprintf(`kubectl patch pod small --subresource resize --patch '{"spec": {"containers": [{"name": "small", "resources": {"requests": {"cpu": %q}, "limits": {"cpu": %q}}}]}}'`, to.request, to.limit), nil)
		l.until("kubectl get pod small -o jsonpath='{.status.containerStatuses[0].resources}{.status.conditions[?(@.type==\"PodResizeInProgress\")]}.'",
			fmt.Sprintf(`{"limits":{"cpu":%q},"requests":{"cpu":%q}}.`, to.limit, to.request), podBudget)
	}
	if after := l.run(containers, nil); after != before {
		t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, after)
	}
	l.run("kubectl delete pod small --wait", nil)
}

// containers prints the container IDs of all pods: another ID would mean a restart.
const containers = "kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[*].containerID}{\"\\n\"}{end}' | sort"

const (
	homeAddress      = "10.0.2.15"
	elsewhereAddress = "10.77.0.15"
)

// moved: the cable is plugged into another network, with another DHCP server, and back.
func moved(t *testing.T, l *life) {
	before := l.run(containers, nil)
	for _, to := range []struct {
		qemu.Network
		address string
	}{{qemu.Elsewhere, elsewhereAddress}, {qemu.Home, homeAddress}} {
		mark := l.Mark()
		l.unplug()
		time.Sleep(3 * time.Second)
		l.plug(to.Network)
		l.follows(to.address)
		l.podsAnswer()
		if console := strings.Join(strings.Split(l.Console(), "\n")[mark:], "\n"); strings.Count(console, "proa: status k3s restarting") != 1 || strings.Contains(console, "exit code 1") {
			t.Errorf("k3s was started anew more than once, or ended by itself:\n%s", console)
		}
		if after := l.run(containers, nil); after != before {
			t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, after)
		}
	}
}

// follows: node, endpoints and certificate have the new address.
func (l *life) follows(address string) {
	l.t.Helper()
	began := time.Now()
	for _, command := range []string{
		"ip -4 -o addr show dev " + l.spec.Tools.NIC.Interface,
		"kubectl get --raw /readyz && kubectl get endpointslices kubernetes -o jsonpath='{.endpoints[*].addresses[*]}'",
		"kubectl get node edge-1 -o jsonpath='{.status.addresses[*].address}'",
	} {
		l.until(command, address, podBudget)
		l.t.Logf("%s after %.0f s", command, time.Since(began).Seconds())
	}
	l.nodeReady()
	conn, err := tls.Dial("tcp", l.Addr(apiPort), &tls.Config{InsecureSkipVerify: true}) //nolint: what it shows is looked at below
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	if names := fmt.Sprint(conn.ConnectionState().PeerCertificates[0].IPAddresses); !strings.Contains(names, address) {
		l.t.Errorf("the API server's certificate is for %s", names)
	}
	l.t.Logf("node, endpoints, certificate have %s after %.0f s", address, time.Since(began).Seconds())
}

// cablePulled: the cable is unplugged and plugged into the same network. The address stays until its lease expires (RFC
// 2131).
func cablePulled(t *testing.T, l *life) {
	const samples = "/run/samples"
	before := l.run(containers, nil)
	l.run(fmt.Sprintf("(while [ ! -e %s.end ]; do ip -4 -o addr show dev %s | grep -c %s >> %[1]s; sleep .2; done) > /dev/null 2>&1 &", samples, l.spec.Tools.NIC.Interface, homeAddress), nil)
	l.unplug()
	time.Sleep(30 * time.Second)
	l.plug(qemu.Home)
	l.podsAnswer()
	got := l.run(fmt.Sprintf("touch %s.end; sort %[1]s | uniq -c", samples), nil)
	if t.Logf("samples with and without the address: %q", got); len(strings.Fields(got)) != 2 || strings.Fields(got)[1] != "1" {
		t.Errorf("the address was away: %q", got)
	}
	if after := l.run(containers, nil); after != before {
		t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, after)
	}
}

// newName: another hostname does not make another node, and the pod finds the volume of its claim.
func newName(t *testing.T, l *life) {
	l.config = strings.Replace(l.config, "hostname: edge-1", "hostname: edge-2", 1)
	out := l.run("proa config apply --force -", strings.NewReader(l.config))
	if !strings.Contains(out, "takes effect with proa reboot: hostname") {
		t.Errorf("apply: %s", out)
	}
	l.off()
	l.powerOn()
	l.nodeReady()
	l.podsAnswer()
	if got := l.run("kubectl get nodes -o name; cat /etc/hostname", nil); got != "node/edge-1\nedge-2\n" {
		t.Errorf("nodes and host name: %q", got)
	}
	if got := l.run("kubectl exec client -- /hello -read /keep/file", nil); got != "kept\nkept\n" {
		t.Errorf("the volume of the pod has %q", got)
	}
	if status := unfolded(l.run("proa status", nil)); !strings.Contains(status, "edge-1") {
		t.Errorf("status does not name the node:\n%s", status)
	}
}

// noCable: after a restart with the cable unplugged the node becomes Ready and its pods reach each other; a cable that
// is plugged in later is used.
func noCable(t *testing.T, l *life) {
	l.off()
	l.pressStart()
	l.unplug()
	l.expect("proa: up ", l.bootBudget())
	l.expect("node Ready", readyBudget)
	l.expect("http://hello.default.svc.cluster.local/ answered: hello from hello-", readyBudget)
	t.Log("Ready, and a pod answers another one by name, without a cable")
	l.plug(qemu.Home)
	l.follows(homeAddress)
	l.podsAnswer()
}

func (l *life) unplug() {
	l.t.Helper()
	if err := l.Unplug(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) plug(n qemu.Network) {
	l.t.Helper()
	if err := l.Plug(l.t.Context(), n); err != nil {
		l.t.Fatal(err)
	}
	l.node.Addr = l.Addr(sshPort)
}

// letsIn says whether the machine accepts the second key.
func (l *life) letsIn(key remote.Key) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	return remote.Node{Addr: l.node.Addr, Signer: key.Signer}.Run(ctx, "true", nil).Err
}
