package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/bench/plan"
)

func start(t *testing.T, ctx context.Context, steps ...plan.Step) (said func() string, err error) {
	t.Helper()
	var b strings.Builder
	l := launcher{logDir: t.TempDir(), say: func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }}
	err = l.run(ctx, steps)
	return b.String, err
}

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestOrderAndStop(t *testing.T) {
	dir := t.TempDir()
	mark := func(name string) string { return filepath.Join(dir, name) }
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	trace := mark("trace")
	daemon := func(name string) plan.Step {
		script := fmt.Sprintf(`trap 'echo stop %[1]s >>%[2]s; exit 0' TERM; echo start %[1]s >>%[2]s; touch %[3]s; while :; do sleep 0.1; done`, name, trace, mark(name))
		return plan.Step{Name: name, Argv: shell(script), Ready: "file:" + mark(name)}
	}
	once := plan.Step{Name: "once", Argv: shell("echo once >>" + trace)}
	if _, err := start(t, ctx, daemon("a"), once, daemon("b")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if want := "start a\nonce\nstart b\nstop b\nstop a\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADaemonsEndIsAnError(t *testing.T) {
	dir := t.TempDir()
	dies := plan.Step{Name: "dies", Argv: shell("touch " + dir + "/up; exit 3"), Ready: "file:" + dir + "/up"}
	_, err := start(t, context.Background(), dies)
	if err == nil || !strings.Contains(err.Error(), "dies ended: exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestADaemonThatEndsBeforeItIsReady(t *testing.T) {
	_, err := start(t, context.Background(), plan.Step{Name: "never", Argv: shell("exit 4"), Ready: "file:/nonexistent"})
	if err == nil || !strings.Contains(err.Error(), "never ended: exit status 4") {
		t.Errorf("got %v", err)
	}
}

func TestAFailedStepEndsTheRun(t *testing.T) {
	_, err := start(t, context.Background(), plan.Step{Name: "import", Argv: shell("exit 1")})
	if err == nil || !strings.HasPrefix(err.Error(), "import: exit status 1; its log is ") {
		t.Errorf("got %v", err)
	}
}

func TestRetry(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	third := plan.Step{Name: "third", Argv: shell("echo x >>" + count + "; test $(wc -l <" + count + ") -ge 3"), Retry: true}
	l := launcher{logDir: t.TempDir(), say: func(string, ...any) { cancel() }}
	if err := l.run(ctx, []plan.Step{third}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(count); string(got) != "x\nx\nx\n" {
		t.Errorf("ran %q", got)
	}
}

func TestProbe(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	socket := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	for target, up := range map[string]bool{
		"tcp:" + tcp.Addr().String(): true,
		"unix:" + socket:             true,
		"file:" + socket:             true,
		"now":                        true,
		"unix:/nonexistent":          false,
		"file:/nonexistent":          false,
		"http://127.0.0.1":           false,
	} {
		if err := probe(target); (err == nil) != up {
			t.Errorf("probe(%q) = %v, want up = %v", target, err, up)
		}
	}
}
