package supervise

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// chatty writes more than a pipe holds and exits; it would block if nobody read the pipe.
func chatty() Service { return shell("head -c 1000000 /dev/zero; exit 7") }

// TestDiskFull: a service runs even if its log cannot be opened or written.
func TestDiskFull(t *testing.T) {
	for name, spoil := range map[string]func(r *rig){
		"full":         func(r *rig) { must(t, os.Symlink("/dev/full", filepath.Join(r.LogDir, "svc.log"))) },
		"no directory": func(r *rig) { r.LogDir = "/proc/none/logs" },
		"in the way":   func(r *rig) { must(t, os.Mkdir(filepath.Join(r.LogDir, "svc.log"), 0o755)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			spoil(r)
			r.Start(t.Context(), chatty())
			if s := r.wait(t, "its end", func(s State) bool { return s.Restarts > 0 }); s.LastExit != "exit code 7" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDiskHangs: a service runs even if the disk hangs (a FIFO without a reader, whose open blocks).
func TestDiskHangs(t *testing.T) {
	r := newRig(t)
	log := filepath.Join(r.LogDir, "svc.log")
	must(t, unix.Mkfifo(log, 0o600))
	t.Cleanup(func() { f, _ := os.OpenFile(log, os.O_RDWR, 0); time.Sleep(50 * time.Millisecond); f.Close() }) // unblocks the writer
	r.Start(t.Context(), shell("head -c 4000000 /dev/zero; exit 7"))
	if s := r.wait(t, "its end", func(s State) bool { return s.Restarts > 0 }); s.LastExit != "exit code 7" {
		t.Errorf("%+v", s)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBackOff: the pauses grow, so that a failing service does not use up the CPU.
func TestBackOff(t *testing.T) {
	r := newRig(t)
	mark := filepath.Join(t.TempDir(), "starts")
	r.Start(t.Context(), shell(fmt.Sprintf("date +%%s%%N >> %s; exit 1", mark)))
	r.wait(t, "three starts", func(s State) bool { return s.Restarts >= 3 })
	text, err := os.ReadFile(mark)
	must(t, err)
	var at [3]int64
	if n, err := fmt.Sscan(string(text), &at[0], &at[1], &at[2]); n != 3 {
		t.Fatal(n, err)
	}
	first, second := time.Duration(at[1]-at[0]), time.Duration(at[2]-at[1])
	if first < firstPause || second < 2*firstPause || second > 10*firstPause {
		t.Errorf("pauses %s, %s", first, second)
	}
}

// TestStopWhilePausing: a service between two runs stops at once, and the PID of its last process is not signalled.
func TestStopWhilePausing(t *testing.T) {
	r := newRig(t)
	s := shell("exit 1")
	s.Grace = 30 * time.Second
	r.Start(t.Context(), s)
	r.wait(t, "a pause", func(s State) bool { return s.State == "restarting" })
	row := r.runs[0]
	row.mu.Lock()
	if row.proc != nil {
		t.Error("a process that has ended would be signalled")
	}
	row.mu.Unlock()
	began := time.Now()
	r.StopAll(t.Logf)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestStoppedStartsNothing: a service that is stopped during Prepare does not start its process.
func TestStoppedStartsNothing(t *testing.T) {
	r := newRig(t)
	mark := filepath.Join(t.TempDir(), "started")
	s, preparing, goOn := shell("touch "+mark), make(chan struct{}), make(chan struct{})
	s.Prepare = func(_ context.Context) error { close(preparing); <-goOn; return nil }
	s.Grace = 10 * time.Second
	r.Start(t.Context(), s)
	<-preparing
	stopped := make(chan struct{})
	go func() { defer close(stopped); r.StopAll(t.Logf) }()
	time.Sleep(100 * time.Millisecond)
	close(goOn)
	<-stopped
	if _, err := os.Stat(mark); err == nil {
		t.Error("started after it was stopped")
	}
}

// TestHangingServicesEnd: several services that ignore their signal are killed after one grace period, not one after
// the other.
func TestHangingServicesEnd(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		s := shell(`trap "" TERM PWR; while :; do sleep 0.1; done`)
		s.Name, s.Stop, s.Grace = fmt.Sprint("svc", i), unix.SIGPWR, time.Second
		r.Start(t.Context(), s)
	}
	r.wait(t, "ready", func(State) bool {
		for _, s := range r.States() {
			if s.State != "ready" {
				return false
			}
		}
		return true
	})
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	r.StopAll(t.Logf)
	if took := time.Since(began); took < time.Second || took > 6*time.Second {
		t.Errorf("took %s", took)
	}
	for _, s := range r.States() {
		if s.State != "stopped" {
			t.Errorf("%v", s)
		}
	}
}

// TestLogBounds: the number and size of log files is limited.
func TestLogBounds(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLog(dir, "svc")
	must(t, err)
	chunk := strings.Repeat("x", 1<<20)
	for range (Kept + 3) * MaxLog >> 20 {
		_, err := l.Writer().WriteString(chunk)
		must(t, err)
	}
	l.CloseWriter()
	<-l.done
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != Kept+1 {
		t.Errorf("files: %v", files)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Size() > MaxLog {
			t.Errorf("%s: %v %v", f.Name(), st.Size(), err)
		}
	}
}

func TestLastLine(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{"": "", "one": "one", "one\ntwo\n": "two", strings.Repeat("x\n", 4000) + "end\n\n": "end"} {
		must(t, os.WriteFile(filepath.Join(dir, "svc.log"), []byte(text), 0o600))
		if got := LastLine(dir, "svc"); got != want {
			t.Errorf("%.20q: %q", text, got)
		}
	}
	if got := LastLine(dir, "none"); got != "" {
		t.Errorf("no log: %q", got)
	}
}
