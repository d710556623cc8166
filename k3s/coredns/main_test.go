package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestChild is CoreDNS itself; -conf is the path of the Corefile.
func TestChild(t *testing.T) {
	if os.Getenv("PROA_TEST_COREDNS") == "" {
		t.Skip("for the other test of this file only")
	}
	main()
}

// run starts CoreDNS and stops it with the test.
func run(t *testing.T, corefile string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(path, []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-conf", path)
	cmd.Env = append(os.Environ(), "PROA_TEST_COREDNS=1")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// packaged returns the image's Corefile, without what needs a cluster or fixed ports.
func packaged(t *testing.T, port int, dir string) string {
	t.Helper()
	manifest, err := os.ReadFile("../../overlay/rootfs/usr/share/proa/manifests/coredns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(manifest), "  Corefile: |\n")
	text, _, ended := strings.Cut(rest, "  NodeHosts: |\n")
	if !found || !ended {
		t.Fatal("no Corefile in the manifest")
	}
	text = regexp.MustCompile(`(?s)kubernetes .*?\n        }\n`).ReplaceAllString(text, "bind 127.0.0.1\n")
	text = regexp.MustCompile(`(?m)^ *(health|ready|prometheus :9153)\n`).ReplaceAllString(text, "")
	return strings.ReplaceAll(strings.Replace(text, ".:53 ", fmt.Sprintf(".:%d ", port), 1), "/etc/coredns", dir)
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func ask(port int, name string) ([]string, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return r.LookupHost(ctx, name)
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 60 {
		if done() {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("waited a minute for: %s", what)
}

// TestNameServersThatComeLate: a name server that appears while CoreDNS runs is used, and so is its successor.
func TestNameServersThatComeLate(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	servers := filepath.Join(dir, "node", "forward.override")
	if err := os.Mkdir(filepath.Dir(servers), 0o755); err != nil {
		t.Fatal(err)
	}
	know := func(text string) {
		if err := os.WriteFile(servers+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(servers+".new", servers); err != nil {
			t.Fatal(err)
		}
	}
	know("# the node has no name server\n")
	run(t, packaged(t, port, dir))
	wait(t, "an answer at all", func() bool {
		_, err := ask(port, "far.example.")
		return err != nil && strings.Contains(err.Error(), "server misbehaving") // SERVFAIL, not a refused connection
	})
	for _, address := range []string{"10.9.8.7", "10.9.8.6"} {
		upstream := freePort(t)
		run(t, fmt.Sprintf(".:%d {\n bind 127.0.0.1\n hosts {\n %s far.example\n }\n}\n", upstream, address))
		know(fmt.Sprintf("forward . 127.0.0.1:%d\n", upstream))
		wait(t, "the answer "+address, func() bool {
			got, err := ask(port, "far.example.")
			return err == nil && len(got) == 1 && got[0] == address
		})
	}
}
