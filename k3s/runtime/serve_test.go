package runtime

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
)

// serveDir passes the data directory to the child process of the test that is the server, serveArgs further arguments;
// aheadFile in the directory has the number of seconds by which its clock is ahead.
const (
	serveDir  = "PROA_TEST_SERVE"
	serveArgs = "PROA_TEST_SERVE_ARGS"
	aheadFile = "ahead"
)

// TestServeChild is the control plane, in its own process, because Kubernetes cannot be started twice in one.
func TestServeChild(t *testing.T) {
	dir := os.Getenv(serveDir)
	if dir == "" {
		t.Skip("for the other tests of this file only")
	}
	args := []string{"--config=/nonexistent", "--data-dir=" + dir, "--write-kubeconfig=" + dir + "/k3s.yaml", "--disable-agent", "--node-name=e1"}
	config, _, err := flags.Parse(append(args, strings.Fields(os.Getenv(serveArgs))...))
	if err != nil {
		t.Fatal(err)
	}
	transport.CertCallbackRefreshDuration = 2 * time.Second
	s := New(config, &notify.Notifier{})
	s.look = time.Second
	s.timeline = filepath.Join(dir, "run", "timeline.json")
	s.now = func() time.Time {
		text, _ := os.ReadFile(filepath.Join(dir, aheadFile))
		seconds, _ := strconv.Atoi(string(text))
		return time.Now().Add(time.Duration(seconds) * time.Second)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { // ends with the test in any case
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	if err := s.Serve(ctx); err != nil {
		t.Fatal(err)
	}
}

// machine is a network namespace with a machine that runs a control plane.
type machine struct {
	t      *testing.T
	dir    string
	child  *exec.Cmd
	ended  chan error
	client kubernetes.Interface
	args   []string // additional arguments
}

// newMachine moves the test into its own network namespace, from where it also sends its requests.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if testing.Short() {
		t.Skip("starts an API server")
	}
	runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("network namespace: %v", err)
	}
	m := &machine{t: t, dir: t.TempDir()}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "far"}))
	for _, name := range []string{"lo", "eth0", "far"} {
		must(t, netlink.LinkSetUp(m.link(name)))
	}
	m.move("", "10.77.0.5/24")
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) link(name string) netlink.Link {
	l, err := netlink.LinkByName(name)
	must(m.t, err)
	return l
}

// move gives eth0 another address and the default route, as DHCP does.
func (m *machine) move(from, to string) {
	eth0 := m.link("eth0")
	if from != "" {
		a, err := netlink.ParseAddr(from)
		must(m.t, err)
		must(m.t, netlink.AddrDel(eth0, a))
	}
	a, err := netlink.ParseAddr(to)
	must(m.t, err)
	must(m.t, netlink.AddrAdd(eth0, a))
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	must(m.t, netlink.RouteReplace(&netlink.Route{Dst: all, LinkIndex: eth0.Attrs().Index}))
}

// start starts the server like the supervisor, also repeatedly.
func (m *machine) start() {
	m.t.Helper()
	m.ended = make(chan error, 1)
	m.child = exec.Command(os.Args[0], "-test.run=^TestServeChild$", "-test.v")
	m.child.Env = append(os.Environ(), serveDir+"="+m.dir, serveArgs+"="+strings.Join(m.args, " "))
	log, err := os.Create(filepath.Join(m.dir, "log"))
	must(m.t, err)
	defer log.Close()
	m.child.Stdout, m.child.Stderr = log, log
	m.child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := m.child.StdinPipe()
	must(m.t, err)
	must(m.t, m.child.Start())
	ended, child := m.ended, m.child
	go func() { ended <- child.Wait() }()
	m.t.Cleanup(func() { stdin.Close() })
	m.t.Cleanup(func() { _ = child.Process.Kill() })
	m.until(5*time.Minute, "the API server is ready", m.ready)
}

// log returns the server's log since its last start.
func (m *machine) log() string {
	text, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	return string(text)
}

func (m *machine) ready() error {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(m.dir, "server/cred/admin.kubeconfig"))
	if err != nil {
		return err
	}
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) { return m.dial(network, address) }
	config.QPS = -1 // no client-side rate limit
	if m.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	return m.get("/readyz")
}

// dial connects from within the machine's namespace: a client's requests run on any thread.
func (m *machine) dial(network, address string) (net.Conn, error) {
	type result struct {
		net.Conn
		error
	}
	got := make(chan result, 1)
	home := fmt.Sprintf("/proc/%d/ns/net", m.child.Process.Pid)
	go func() {
		runtime.LockOSThread()
		fd, err := unix.Open(home, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			unix.Close(fd)
		}
		if err != nil {
			got <- result{nil, err}
			return
		}
		c, err := net.DialTimeout(network, address, 5*time.Second)
		got <- result{c, err}
	}()
	r := <-got
	return r.Conn, r.error
}

func (m *machine) get(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return m.client.Discovery().RESTClient().Get().AbsPath(path).Do(ctx).Error()
}

func (m *machine) until(within time.Duration, what string, f func() error) {
	m.t.Helper()
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		err := f()
		if err == nil {
			m.t.Logf("%s after %s", what, time.Since(began).Round(100*time.Millisecond))
			return
		}
		if time.Since(began) > within {
			log := m.log()
			m.t.Fatalf("waited %s for: %s: %v\n%s", within, what, err, log[max(0, len(log)-4000):])
		}
	}
}

// controllers waits until the controllers have started: they create a service account in each namespace.
func (m *machine) controllers() {
	m.t.Helper()
	m.until(5*time.Minute, "controllers work", func() error {
		_, err := m.client.CoreV1().ServiceAccounts("default").Get(context.Background(), "default", metav1.GetOptions{})
		return err
	})
}

// certificate returns the API server's serving certificate.
func (m *machine) certificate() (*x509.Certificate, error) {
	conn, err := m.dial("tcp", "127.0.0.1:6443")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

// TestWrongArguments: unknown, invalid and refused arguments are ignored, and the cluster starts.
func TestWrongArguments(t *testing.T) {
	m := newMachine(t)
	m.args = []string{"--kube-apiserver-arg=no-such-flag=1", "--kube-apiserver-arg=feature-gates=NoSuchGate=true", "--kube-apiserver-arg=max-requests-inflight=many",
		"--kube-apiserver-arg=authorization-mode=Nonsense", "--kube-controller-manager-arg=controllers=nonsense", "--kube-scheduler-arg=profiling=perhaps",
		"--kube-scheduler-arg=config=/nonexistent", "--kubelet-arg=no-such-flag", "--kube-proxy-arg=no-such-flag"}
	m.start()
	m.controllers()
	for _, want := range []string{`kube-apiserver-arg "no-such-flag=1": left out`, `"feature-gates=NoSuchGate=true": left out`, `"max-requests-inflight=many": left out`,
		"kube-apiserver-arg: all left out", "kube-controller-manager-arg: all left out", `"profiling=perhaps": left out`, "kube-scheduler-arg: all left out",
		`kubelet-arg "no-such-flag": left out`, `kube-proxy-arg "no-such-flag": left out`} {
		if !strings.Contains(m.log(), want) {
			t.Errorf("no %q in the log", want)
		}
	}
}

// TestAddressChanges: when the address changes in a running cluster, certificate, kubeconfig and the API's endpoints
// follow soon.
func TestAddressChanges(t *testing.T) {
	m := newMachine(t)
	m.start()
	m.until(time.Minute, "the first endpoint", func() error { return m.endpoint("10.77.0.5") })
	m.move("10.77.0.5/24", "10.78.0.9/24")
	select {
	case err := <-m.ended:
		if err != nil || !strings.Contains(m.log(), "restarting: the node's address is 10.78.0.9 on eth0 now, no longer 10.77.0.5 on eth0") {
			t.Fatalf("ended with %v:\n%s", err, m.log())
		}
	case <-time.After(time.Minute):
		t.Fatal("the change was not noticed")
	}
	m.start()
	cert, err := m.certificate()
	must(t, err)
	if cert.VerifyHostname("10.78.0.9") != nil || cert.VerifyHostname("10.77.0.5") == nil {
		t.Errorf("certificate for %v", cert.IPAddresses)
	}
	m.until(time.Minute, "the second endpoint", func() error { return m.endpoint("10.78.0.9") })
	if text, err := os.ReadFile(filepath.Join(m.dir, "k3s.yaml")); err != nil || !strings.Contains(string(text), "https://10.78.0.9:6443") {
		t.Errorf("kubeconfig: %v", err)
	}
}

func (m *machine) endpoint(want string) error {
	list, err := m.client.DiscoveryV1().EndpointSlices("default").List(context.Background(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=kubernetes"})
	if err != nil {
		return err
	}
	var got []string
	for _, s := range list.Items {
		for _, e := range s.Endpoints {
			got = append(got, e.Addresses...)
		}
	}
	if len(got) != 1 || got[0] != want {
		return fmt.Errorf("endpoints %v", got)
	}
	return nil
}

// TestRenewedWithoutOutage: after 276 days every certificate is renewed during requests, and the API server uses the
// new one; then the clock is set back by the same time, and the process restarts by itself.
func TestRenewedWithoutOutage(t *testing.T) {
	m := newMachine(t)
	m.start()
	m.controllers() // a renewal ends those that are just starting: see lookAtCertificates
	before, err := m.certificate()
	must(t, err)
	kubeconfig, err := os.ReadFile(filepath.Join(m.dir, "k3s.yaml"))
	must(t, err)

	const days = 276
	must(t, os.WriteFile(filepath.Join(m.dir, aheadFile), []byte(strconv.Itoa(days*86400)), 0o600))
	m.until(2*time.Minute, "the new certificate is shown", func() error {
		if err := m.get("/api/v1/namespaces/default"); err != nil {
			t.Errorf("an outage: %v", err)
		}
		now, err := m.certificate()
		if err != nil {
			t.Errorf("an outage: %v", err)
			return nil
		}
		if left := now.NotAfter.Sub(before.NotAfter); left < (days-1)*24*time.Hour {
			return fmt.Errorf("ends only %s later", left)
		}
		return nil
	})
	m.until(time.Minute, "the administrator's kubeconfig is renewed", func() error { // written last
		after, err := os.ReadFile(filepath.Join(m.dir, "k3s.yaml"))
		if err == nil && bytes.Equal(kubeconfig, after) {
			err = fmt.Errorf("still the old one")
		}
		return err
	})
	for range 6 { // old and new client certificates work, also across the clients' reload
		time.Sleep(time.Second)
		if err := m.get("/readyz"); err != nil {
			t.Errorf("an outage: %v", err)
		}
	}
	if slices.Contains(strings.Fields(m.log()), "restarting:") {
		t.Errorf("it took a restart:\n%s", m.log())
	}
	must(t, os.WriteFile(filepath.Join(m.dir, aheadFile), []byte("-3600"), 0o600))
	select {
	case err := <-m.ended:
		back := fmt.Sprintf("restarting: the clock was set back by %dh0m", days*24+1)
		if log := m.log(); err != nil || !strings.Contains(log, back) {
			t.Errorf("ended with %v; want %q in\n%s", err, back, log[max(0, len(log)-4096):])
		}
	case <-time.After(time.Minute):
		t.Error("the step back was not noticed")
	}
}
