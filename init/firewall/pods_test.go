package firewall

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// podServer makes this test serve like a pod on the host's network: a process that opens its socket after it was moved
// to its cgroup.
const podServer = "PROA_TEST_POD"

// guest is set when the tests run on a proa machine (build/e2e).
const guest = "PROA_TEST_CGROUPS"

func TestMain(m *testing.M) {
	if os.Getenv(podServer) == "" {
		os.Exit(m.Run())
	}
	bufio.NewReader(os.Stdin).ReadString('\n')
	l, err := net.Listen("tcp", ":"+os.Getenv(podServer))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("serving")
	accepts(l)
}

// TestHostNetwork: a port on which a pod on the host's network listens is open, and the same program outside of pods is
// not. It creates cgroups, so it runs on a proa machine only.
func TestHostNetwork(t *testing.T) {
	if os.Getenv(guest) == "" {
		t.Skip(guest + " is not set")
	}
	if !isolated(t) {
		return
	}
	s := stage(t)
	f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Errorf} // it logs only if this kernel lacks a feature
	must(t, os.MkdirAll(cgroups+PodCgroup, 0o755))
	must(t, f.Set(t.Context(), documented(t, "")))
	pod := cgroups + PodCgroup + "/test" + strconv.Itoa(os.Getpid())
	must(t, os.Mkdir(pod, 0o755))
	t.Cleanup(func() { os.Remove(pod) })
	serves(t, "7001", pod)
	serves(t, "7002", "")
	if !s.lan.reaches("tcp", "10.9.0.1:7001") || !s.lan.reaches("tcp", "[fd00:9::1]:7001") {
		t.Error("a pod on the host's network is closed")
	}
	if s.lan.reaches("tcp", "10.9.0.1:7002") {
		t.Error("another process is open")
	}
}

// serves starts a server in a cgroup, or in this test's own.
func serves(t *testing.T, port, cgroup string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), podServer+"="+port)
	in, err := c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { c.Process.Kill(); c.Wait(); time.Sleep(50 * time.Millisecond) })
	if cgroup != "" {
		must(t, os.WriteFile(cgroup+"/cgroup.procs", []byte(strconv.Itoa(c.Process.Pid)), 0o644))
	}
	fmt.Fprintln(in)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "serving\n" {
		t.Fatalf("server: %q %v", line, err)
	}
}
