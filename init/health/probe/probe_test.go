package probe

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/proc"
)

// reap reaps every child of this process.
var reap = sync.OnceValue(func() *proc.Reaper { return proc.New(context.Background()) })

// prober uses a cgroup of its own if the test may make one; without it, processes in other sessions are not found.
func prober(t *testing.T) (p Prober, cgroup bool) {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/cgroup", "proa-test-")
	if err == nil {
		if _, err := os.Stat(dir + "/cgroup.kill"); err != nil {
			os.Remove(dir)
			dir = ""
		}
		t.Cleanup(func() { os.Remove(dir) })
	}
	get := func(ctx context.Context, argv, env []string, in []byte, limit int) ([]byte, error) {
		return reap().Pipe(ctx, nil, argv, env, in, limit)
	}
	return Prober{Fetch: fetch.Client{Run: get}, Start: reap().Start, Cgroup: dir, Env: append(proc.Env(), "A=b c")}, dir != ""
}

// says compares a reason, of which the beginning is enough.
func says(t *testing.T, what, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestHTTP: real servers, asked by the real proa-fetch.
func TestHTTP(t *testing.T) {
	p, _ := prober(t)
	p.Fetch.Program = filepath.Join(t.TempDir(), "proa-fetch")
	build := proc.Spec{Argv: []string{gotool(t), "build", "-o", p.Fetch.Program, "github.com/proa-os/proa/init/fetch/proa-fetch"}, Env: os.Environ()}
	build.Env = append(build.Env, "PWD="+here(t))
	if out, why := compile(t, p, build); why != "" {
		t.Fatal(why, out)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", 302) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/ok", 0, ""}, {"/ok", 204, ""}, {"/ok", 200, "HTTP status 204, want 200"}, {"/broken", 0, "HTTP status 500"}, {"/broken", 500, ""},
		{"/moved", 0, ""}, {"/moved", 204, ""}, {"/ok", 404, "HTTP status 204, want 404"}, {"/nothing", 0, "HTTP status 404"}, {"/slow", 0, "timed out"},
	} {
		p.CAs = []string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))}
		got := p.Try(t.Context(), config.Check{HTTP: server.URL + c.path + "?hunter2", Status: c.status, Timeout: "1s"})
		says(t, c.path+" "+strconv.Itoa(c.status), got, c.want)
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s quotes the URL: %s", c.path, got)
		}
	}
	p.CAs = nil
	says(t, "an authority that nobody knows", p.Try(t.Context(), config.Check{HTTP: server.URL + "/ok", Timeout: "5s"}), "ca_certs")
}

func gotool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// compile runs the compiler in this folder: processes that the reaper starts begin in /.
func compile(t *testing.T, p Prober, s proc.Spec) (out, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return p.run(ctx, append([]string{"/bin/sh", "-c", `cd "$PWD_OF_TEST" && exec "$@"`, "sh"}, s.Argv...), append(s.Env, "PWD_OF_TEST="+here(t)))
}

// TestTCP: a port that somebody listens on, one that nobody does, and a host that does not answer.
func TestTCP(t *testing.T) {
	p, _ := prober(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	says(t, "open", p.Try(t.Context(), config.Check{TCP: open, Timeout: "5s"}), "")
	l.Close()
	says(t, "closed", p.Try(t.Context(), config.Check{TCP: open, Timeout: "5s"}), "connection refused")
	p.Dial = func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	says(t, "silent", p.Try(t.Context(), config.Check{TCP: open, Timeout: "1s"}), "deadline exceeded")
	p.Dial = func(context.Context, string) (net.Conn, error) { panic("x") }
	says(t, "a panic", p.Try(t.Context(), config.Check{TCP: open, Timeout: "1s"}), "panic")
}

// TestCommand: exit codes, the reason, the environment, and that nothing of a command survives it.
func TestCommand(t *testing.T) {
	p, cgroup := prober(t)
	for _, c := range []struct{ text, want string }{
		{"true", ""},
		{"echo fine; exit 0", ""},
		{"exit 3", "exit code 3"},
		{"echo one; echo two >&2; exit 1", "exit code 1: two"},
		{`test "$A" = "b c" || echo "$A"`, ""},
		{"kill -9 $$", "signal SIGKILL"},
		{"printf 'bad\\033[2J\\n'; exit 1", "exit code 1: bad [2J"},
		{"yes | head -c 300000; echo; echo end; exit 1", "exit code 1: end"},
	} {
		got := p.Try(t.Context(), config.Check{Command: c.text, Timeout: "20s"})
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
	began := time.Now()
	mark := filepath.Join(t.TempDir(), "alive")
	says(t, "hangs", p.Try(t.Context(), config.Check{Command: "echo waiting; sleep 60", Timeout: "1s"}), "killed, because it was not done in time: waiting")
	says(t, "leaves a child", p.Try(t.Context(), config.Check{Command: "setsid sh -c 'sleep 3; echo > " + mark + "' & exit 0", Timeout: "20s"}), "")
	says(t, "hangs with a child", p.Try(t.Context(), config.Check{Command: "setsid sh -c 'sleep 3; echo > " + mark + "' & sleep 60", Timeout: "1s"}), "killed")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
	if !cgroup {
		t.Skip("not permitted to make a cgroup")
	}
	time.Sleep(4 * time.Second)
	if _, err := os.Stat(mark); err == nil {
		t.Error("a child outlives its check")
	}
	if left, _ := filepath.Glob(p.Cgroup + "/health-*"); left != nil {
		t.Errorf("left: %v", left)
	}
}

// TestWorkload: lines as kubectl prints them for a template (docs: jsonpath; a missing field is empty).
func TestWorkload(t *testing.T) {
	for _, c := range []struct{ kind, line, want string }{
		{"Deployment", "3|3|2|2|2||||||", "kubectl gave no status"},
		{"Deployment", "3|3|2|2|2|||||", ""},
		{"Deployment", "4|3|2|2|2|||||", "its controller has not seen its newest version yet"},
		{"Deployment", "3|3|2|1|2|||||", "1 of 2 pods have the newest version"},
		{"Deployment", "3|3|2|2||||||", "0 of 2 pods are Ready"},
		{"Deployment", "3|3|0|||||||", ""},
		{"StatefulSet", "1|1|3|3|3||||RollingUpdate|0", ""},
		{"StatefulSet", "1|1|3||3||||RollingUpdate|2", ""},
		{"StatefulSet", "1|1|3||2||||OnDelete|", "2 of 3 pods are Ready"},
		{"DaemonSet", "1|1||||1|1|1|RollingUpdate|", ""},
		{"DaemonSet", "1|1||||1|1||RollingUpdate|", "0 of 1 pods are Ready"},
		{"DaemonSet", "1|1||||2|1|2|RollingUpdate|", "1 of 2 pods have the newest version"},
		{"DaemonSet", "1|1||||2||2|OnDelete|", ""},
		{"DaemonSet", "1|||||||||", "its controller has not seen its newest version yet"},
		{"Deployment", "", "kubectl gave no status"},
		{"Deployment", "|||||||||", "kubectl gave no status"},
	} {
		if got := pods(c.kind, c.line); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.line, got, c.want)
		}
	}
	p, _ := prober(t)
	p.Agent = true
	says(t, "agent", p.Try(t.Context(), config.Check{Workload: "shop/Deployment/till"}), "an agent has no")
}
