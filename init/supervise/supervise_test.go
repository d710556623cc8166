package supervise

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/init/proc"
	"golang.org/x/sys/unix"
)

// rig is a supervisor with its directory. All tests share one reaper, which reaps every child of this process.
type rig struct {
	*Supervisor
	mu   sync.Mutex
	said []string
}

var reap = sync.OnceValue(func() *proc.Reaper { return proc.New(context.Background()) })

func newRig(t *testing.T) *rig {
	r := &rig{}
	r.Supervisor = &Supervisor{Reaper: reap(), LogDir: t.TempDir(), RunDir: t.TempDir(), Changed: func(_, s State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said = append(r.said, s.String())
	}}
	t.Cleanup(func() { r.StopAll(t.Logf) })
	return r
}

func (r *rig) wait(t *testing.T, what string, ok func(State) bool) State {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s := r.States(); len(s) > 0 && ok(s[0]) {
			return s[0]
		}
	}
	t.Fatalf("waited for %s; states %v, said %q", what, r.States(), r.said)
	return State{}
}

func shell(script string) Service {
	return Service{Name: "svc", Argv: []string{"/bin/sh", "-c", script}, Stop: unix.SIGTERM, Grace: 2 * time.Second}
}

func TestRestart(t *testing.T) {
	r := newRig(t)
	r.Start(t.Context(), shell("echo hello; exit 3"))
	s := r.wait(t, "a restart", func(s State) bool { return s.Restarts >= 1 })
	if s.LastExit != "exit code 3" {
		t.Errorf("last exit %q", s.LastExit)
	}
	r.StopAll(t.Logf)
	text, err := os.ReadFile(filepath.Join(r.LogDir, "svc.log"))
	if err != nil || !strings.HasPrefix(string(text), "hello\n") {
		t.Errorf("log %q, %v", text, err)
	}
	if got := r.States()[0].State; got != "stopped" {
		t.Errorf("after StopAll: %s", got)
	}
}

// TestWatch: the state is what Watch says during a run, and nothing it says later; if it panics the service keeps
// running.
func TestWatch(t *testing.T) {
	r, ended := newRig(t), make(chan func(bool, string), 1)
	s := shell("sleep 0.5")
	s.Watch = func(ctx context.Context, say func(bool, string)) {
		say(false, "looking")
		say(true, "joined")
		<-ctx.Done()
		ended <- say
		panic("at the end")
	}
	r.Start(t.Context(), s)
	r.wait(t, "ready", func(s State) bool { return s.State == "ready" && s.Status == "joined" })
	r.wait(t, "a restart", func(s State) bool { return s.State == "restarting" })
	(<-ended)(true, "joined again")
	if s := r.States()[0]; s.State != "restarting" || s.Status != "" {
		t.Errorf("a run that is over: %s", s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.said[:3], "|"); got != "svc starting|svc waiting: looking|svc ready: joined" {
		t.Errorf("said %s", got)
	}
}

// TestChildrenLive: children of the main process survive when that is killed and restarted.
func TestChildrenLive(t *testing.T) {
	r := newRig(t)
	pids := filepath.Join(t.TempDir(), "pids")
	r.Start(t.Context(), shell(fmt.Sprintf("setsid sleep 60 & echo $! >> %s; wait", pids)))
	s := r.wait(t, "ready", func(s State) bool { _, err := os.Stat(pids); return s.State == "ready" && err == nil })
	time.Sleep(200 * time.Millisecond)
	if err := unix.Kill(s.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s = r.wait(t, "a second life", func(s State) bool { return s.Restarts == 1 && s.State == "ready" })
	if s.LastExit != "signal SIGKILL" {
		t.Errorf("last exit %q", s.LastExit)
	}
	text, _ := os.ReadFile(pids)
	var child int
	fmt.Sscan(string(text), &child)
	if err := unix.Kill(child, 0); err != nil {
		t.Errorf("the child %d did not survive: %v", child, err)
	}
	unix.Kill(child, unix.SIGKILL)
}

// TestMain runs the test binary as a service if a supervisor started it as one.
func TestMain(m *testing.M) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		os.Exit(m.Run())
	}
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		os.Exit(9)
	}
	c.Write([]byte("STATUS=apiserver: starting"))
	fail := filepath.Join(filepath.Dir(socket), "fail")
	if text, err := os.ReadFile(fail); err == nil {
		c.Write(text)
		os.Remove(fail)
		os.Exit(1)
	}
	c.Write([]byte("READY=1\nSTATUS=node Ready"))
	os.WriteFile(filepath.Join(filepath.Dir(socket), "sent"), nil, 0o644)
	time.Sleep(time.Minute)
}

func notifier(t *testing.T) Service {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Service{Name: "svc", Argv: []string{self}, Stop: unix.SIGTERM, Grace: 2 * time.Second, Notify: true}
}

func TestNotify(t *testing.T) {
	r := newRig(t)
	r.Start(t.Context(), notifier(t))
	got := r.wait(t, "ready", func(s State) bool { return s.State == "ready" })
	if got.Status != "node Ready" {
		t.Errorf("%+v", got)
	}
}

func TestStopSignalAndGrace(t *testing.T) {
	r := newRig(t)
	mark := filepath.Join(t.TempDir(), "mark")
	s := shell(fmt.Sprintf(`trap "echo pwr > %s; exit 0" PWR; while :; do sleep 0.1; done`, mark))
	s.Stop = unix.SIGPWR
	r.Start(t.Context(), s)
	r.wait(t, "ready", func(s State) bool { return s.State == "ready" })
	time.Sleep(300 * time.Millisecond) // until the shell has set its trap
	r.StopAll(t.Logf)
	if text, err := os.ReadFile(mark); err != nil || string(text) != "pwr\n" {
		t.Errorf("SIGPWR: %q %v", text, err)
	}
}

func TestStubbornIsKilled(t *testing.T) {
	r := newRig(t)
	s := shell(`trap "" TERM; while :; do sleep 0.1; done`)
	s.Grace = 300 * time.Millisecond
	r.Start(t.Context(), s)
	r.wait(t, "ready", func(s State) bool { return s.State == "ready" })
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	r.StopAll(t.Logf)
	if took := time.Since(began); took > 4*time.Second || r.States()[0].State != "stopped" {
		t.Errorf("took %s, %v", took, r.States())
	}
}

func TestRefusedNeverStarts(t *testing.T) {
	r := newRig(t)
	s := shell("exit 0")
	s.Wait = func(context.Context, func(string)) error { return fmt.Errorf("no disk") }
	r.Start(t.Context(), s)
	got := r.wait(t, "stopped", func(s State) bool { return s.State == "stopped" })
	if got.Status != "no disk" || got.Restarts != 0 {
		t.Errorf("%+v", got)
	}
}

func TestLogRotates(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLog(dir, "svc")
	if err != nil {
		t.Fatal(err)
	}
	chunk := strings.Repeat("x", 1<<20)
	for range MaxLog>>20 + 3 {
		if _, err := l.Writer().WriteString(chunk); err != nil {
			t.Fatal(err)
		}
	}
	l.CloseWriter()
	<-l.done
	now, err1 := os.Stat(filepath.Join(dir, "svc.log"))
	old, err2 := os.Stat(filepath.Join(dir, "svc.log.1"))
	if err1 != nil || err2 != nil || now.Size() > MaxLog || old.Size() > MaxLog || now.Size()+old.Size() != int64(MaxLog+3<<20) {
		t.Errorf("%v %v %v %v", now, err1, old, err2)
	}
}

// TestLeaveAll: the service ends by SIGTERM, whatever its stop signal is, and what it has started runs on.
func TestLeaveAll(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	s := shell(fmt.Sprintf(`setsid sleep 60 & echo $! > %[1]s/pid; trap "echo term > %[1]s/mark; exit 0" TERM; while :; do sleep 0.1; done`, dir))
	s.Stop = unix.SIGPWR
	r.Start(t.Context(), s)
	r.wait(t, "ready", func(s State) bool { _, err := os.Stat(dir + "/pid"); return s.State == "ready" && err == nil })
	time.Sleep(300 * time.Millisecond) // until the shell has set its trap
	r.LeaveAll(t.Logf)
	mark, _ := os.ReadFile(dir + "/mark")
	text, _ := os.ReadFile(dir + "/pid")
	var child int
	fmt.Sscan(string(text), &child)
	if err := unix.Kill(child, 0); err != nil || string(mark) != "term\n" || r.States()[0].State != "stopped" {
		t.Errorf("child: %v; mark %q; %v", err, mark, r.States())
	}
	unix.Kill(child, unix.SIGKILL)
}
