package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/oci"
	"github.com/proa-os/proa/images/tree"
)

const (
	readyKeys   = "ssh_authorized_keys: ['%KEY%']\n"
	readyConfig = "version: 1\nhostname: edge-1\n" + readyKeys
)

// TestReady: without a network, except for the forwarded ports, a flashed disk becomes a Ready node and runs an image
// that was copied to it.
func TestReady(t *testing.T) {
	needs(t, "ci")
	o := onDisk
	o.flash, o.config = true, longConfig()
	m := readyOn(t, o)
	apply(m, "one.yaml")
	m.run("kubectl rollout status deployment/hello --timeout=20m", nil)
	askNodePort(t, m, "hello from hello-")
	t.Run("health", func(t *testing.T) { healthTells(t, m) })
	m.t = t
	t.Run("filters", func(t *testing.T) { filters(t, m) })
	t.Run("copies", func(t *testing.T) { copies(newClient(t, m.node.Addr, m.key), "/var/lib/copies") })
	if os.Getenv("PROA_E2E") != "full" {
		return
	}
	t.Run("serves", func(t *testing.T) { serves(t, m) })
	t.Run("reaches-into-pods", func(t *testing.T) { reachesIntoPods(t, m) })
	t.Run("volume-survives", func(t *testing.T) { volumeSurvives(t, m) })
	t.Run("k3s-killed", func(t *testing.T) { k3sKilled(t, m) })
}

// ready returns a disk machine whose node is Ready, with the test image imported.
func ready(t *testing.T) *machine {
	t.Helper()
	return readyOn(t, onDisk)
}

var onDisk = options{kind: "img", firmware: qemu.UEFI, memory: 3072}

// longConfig is 3 KiB, as long as users' configurations, with the SSH key at its end: if it is read incompletely nobody
// can log in.
func longConfig() string {
	text := strings.TrimSuffix(readyConfig, readyKeys)
	for line := 1; len(text) < 3<<10; line++ {
		text += fmt.Sprintf("# Line %d of what somebody wrote down about this machine.\n", line)
	}
	return text + readyKeys
}

func readyOn(t *testing.T, o options) *machine {
	t.Helper()
	o.medium, o.restrict = qemu.Disk, true
	if o.config == "" {
		o.config = readyConfig
	}
	m := start(t, o)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.node.Run(context.Background(), "kubectl get pods -A -o wide; kubectl get events -A; tail -n 50 /var/log/proa/k3s.log", nil).Stdout)
		}
	})
	m.nodeReady()
	m.run("kubectl -n kube-system rollout status deployment/coredns --timeout=20m", nil)
	m.run("ctr -n k8s.io images import -", bytes.NewReader(helloImage(t, o.arch())))
	return m
}

// nodeReady waits for the machine's own message and then asks the API server. kubectl every two seconds from the start
// would take the CPU time that an emulated API server needs to start: 11 s each time on ARMv7.
func (m *machine) nodeReady() {
	m.t.Helper()
	m.until("proa status", "ready: node Ready", readyBudget)
	m.until("kubectl get node edge-1", " Ready ", podBudget)
}

// serves: two replicas answer through the Service's DNS name, requested from another pod.
func serves(t *testing.T, m *machine) {
	m.t = t
	m.run("kubectl scale deployment/hello --replicas=2 && kubectl rollout status deployment/hello --timeout=20m", nil)
	apply(m, "client.yaml")
	m.run("kubectl wait pod/client --for=condition=Ready --timeout=20m", nil)
	names := map[string]bool{}
	for range 30 {
		names[m.run("kubectl exec client -- /hello http://hello.default.svc.cluster.local/", nil)] = true
		if len(names) == 2 {
			return
		}
	}
	t.Errorf("30 requests were answered by %v, want both replicas", names)
}

// reachesIntoPods: logs -f and port-forward; exec is tested in serves.
func reachesIntoPods(t *testing.T, m *machine) {
	m.t = t
	ctx, cancel := m.Budget(context.Background(), podBudget)
	defer cancel()
	logs, write := io.Pipe()
	go func() {
		write.CloseWithError(m.node.Stream(ctx, "kubectl logs -f --tail=0 client", nil, write, io.Discard))
	}()
	go m.node.Run(ctx, "sleep 10; kubectl port-forward pod/client 18080:8080 & p=$!; sleep 20; wget -qO- http://127.0.0.1:18080/through; kill $p", nil)
	buf := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "/through"); {
		n, err := logs.Read(buf)
		if err != nil {
			t.Fatalf("followed logs ended: %v; so far:\n%s", err, text)
		}
		text += string(buf[:n])
	}
}

// volumeSurvives: data that a pod wrote is there for its successor, and after a reboot.
func volumeSurvives(t *testing.T, m *machine) {
	m.t = t
	m.run("kubectl delete pod client --wait", nil)
	apply(m, "client.yaml")
	m.run("kubectl wait pod/client --for=condition=Ready --timeout=20m", nil)
	if got := m.run("kubectl exec client -- /hello -read /keep/file", nil); strings.Count(got, "kept") != 2 {
		t.Errorf("the second pod found %q, want what both have written", got)
	}
	m.off()
	m.powerOn()
	m.nodeReady()
	m.until("kubectl exec client -- /hello -read /keep/file", "kept\nkept\nkept", readyBudget)
}

// k3sKilled: pods keep running when the runtime is killed.
func k3sKilled(t *testing.T, m *machine) {
	m.t = t
	m.run("kubectl wait deployment/hello --for=condition=Available --timeout=20m", nil)
	const restarts = "kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].containerID} {.status.containerStatuses[*].restartCount}{\"\\n\"}{end}'"
	before := m.run(restarts, nil)
	m.run("kill -9 $(pidof k3s)", nil)
	askNodePort(t, m, "hello from hello-")
	time.Sleep(5 * time.Second)
	m.until("kubectl get --raw /readyz", "ok", readyBudget)
	m.nodeReady()
	if after := m.run(restarts, nil); after != before {
		t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, after)
	}
}

func askNodePort(t *testing.T, m *machine, want string) {
	t.Helper()
	ctx, cancel := m.Budget(context.Background(), podBudget)
	defer cancel()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // a kept connection stays with the pod that took it
	for {
		r, err := client.Get("http://" + m.Addr(nodePort) + "/from-the-host")
		if err == nil {
			body, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if strings.Contains(string(body), want) {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("NodePort: %v; last: %v", context.Cause(ctx), err)
		case <-time.After(time.Second):
		}
	}
}

func apply(m *machine, manifest string) {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/manifests", manifest))
	if err != nil {
		m.t.Fatal(err)
	}
	m.run("kubectl apply -f -", bytes.NewReader(data))
}

// helloImage builds the image of the pods: one static binary.
func helloImage(t *testing.T, arch string) []byte {
	t.Helper()
	content, err := tree.HostFile(compile(t, arch, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	err = oci.Write(&archive, oci.Image{
		Name: "proa.test/hello:1", Arch: arch, Entrypoint: []string{"/hello"},
		Entries: []tree.Entry{tree.File("hello", 0o755, content)}, When: time.Unix(0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
