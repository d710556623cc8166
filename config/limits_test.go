package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/config/decode"
)

// within fails a test that does not terminate: if PID 1 hangs the machine does not boot. It counts CPU time, which does
// not depend on the load of the host, and stops waiting after ten times as much wall time.
func within(t *testing.T, limit time.Duration, work func()) {
	t.Helper()
	began, done := cpuTime(t), make(chan struct{})
	go func() { defer close(done); work() }()
	for wall := time.Duration(0); ; wall += time.Second {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
		}
		if spent := cpuTime(t) - began; spent > limit || wall > 10*limit {
			t.Fatalf("not done after %s of CPU time and %s", spent, wall)
		}
	}
}

// cpuTime returns the CPU time of this process.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// bomb returns a short document whose aliases expand to 9^levels values.
func bomb(levels int, at string) string {
	var b strings.Builder
	b.WriteString("hostname: kiosk-3\n" + at + ":\n")
	b.WriteString("  l0: &l0 {a: x}\n")
	for i := 1; i <= levels; i++ {
		refs := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9), ", ")
		fmt.Fprintf(&b, "  l%d: &l%d [%s]\n", i, i, refs)
	}
	return b.String()
}

// TestAliasBomb: aliases at each place where a nested list or a map is decoded.
func TestAliasBomb(t *testing.T) {
	var args, maps strings.Builder
	args.WriteString("hostname: kiosk-3\nmodules: &m0 [a, a, a, a, a, a, a, a, a]\nk3s:\n  args: [*m0]\n")
	maps.WriteString("hostname: kiosk-3\nnetwork:\n  interfaces:\n    e0: &e0 {routes: &r0 [&r {to: 10.0.0.0/8, via: 10.0.0.1}")
	maps.WriteString(strings.Repeat(", *r", 20000) + "]}\n")
	for i := 1; i < 3000; i++ {
		fmt.Fprintf(&maps, "    e%d: *e0\n", i)
	}
	for name, doc := range map[string]string{"unknown key": bomb(12, "bogus"), "list of lists": bomb(12, "k3s"), "labels": bomb(12, "sysctls"), "args": args.String(), "wide": maps.String()} {
		within(t, 20*time.Second, func() {
			c, found := loaded(doc, "k3s.role=agent")
			if c.Hostname != "kiosk-3" || c.K3s.Role != "agent" || len(found) == 0 || len(found) > decode.MaxProblems+1 {
				t.Errorf("%s: hostname %q, %d problems", name, c.Hostname, len(found))
			}
		})
	}
}

// TestBig: a document of 10 MB is refused and not parsed; the kernel command line still applies.
func TestBig(t *testing.T) {
	for name, doc := range map[string]string{
		"comments": strings.Repeat("# nothing\n", 1<<20),
		"keys":     "hostname: a\n" + strings.Repeat("x: {\n", 2<<20),
		"nested":   strings.Repeat("[", 10<<20),
	} {
		within(t, 20*time.Second, func() {
			c, found := loaded(doc, "hostname=edge-7")
			if c.Hostname != "edge-7" || len(found) != 1 || !strings.Contains(found[0].Message, "larger than") {
				t.Errorf("%s: hostname %q, problems %v", name, c.Hostname, found)
			}
		})
	}
}

// TestWorstThatFits: a document of the maximum size with an error in each line is processed in time.
func TestWorstThatFits(t *testing.T) {
	for name, line := range map[string]string{"foreign": "run%d: 1\n", "broken": "x: {\n", "unknown": "%d: 1\n", "nested": "[", "keys": "k%d: [\n", "quotes": "a: \"\n"} {
		var b strings.Builder
		if name == "foreign" {
			b.WriteString("#cloud-config\nruncmd: [date]\n")
		}
		for i := 0; b.Len() < MaxSize-32; i++ {
			if strings.Contains(line, "%d") {
				fmt.Fprintf(&b, line, i)
			} else {
				b.WriteString(line)
			}
		}
		began := time.Now()
		within(t, 30*time.Second, func() {
			if _, found := Parse("c.yaml", []byte(b.String())); len(found) == 0 || len(found) > decode.MaxProblems+1 {
				t.Errorf("%s: %d problems", name, len(found))
			}
		})
		t.Logf("%s: %s", name, time.Since(began))
	}
}

// TestReadStops: a damaged file system may show a file of any length.
func TestReadStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 1<<40); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, func() {
		text, err := Read(file)
		if _, found := Parse(file, text); err != nil || len(text) != MaxSize+1 || len(found) != 1 {
			t.Errorf("%d bytes, %v, %v", len(text), err, found)
		}
	})
}
