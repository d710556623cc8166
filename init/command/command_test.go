package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/proc"
)

// reap is the one reaper of this process.
var reap = sync.OnceValue(func() *proc.Reaper { return proc.New(context.Background()) })

// jobs has a cgroup of its own if the test may make one; without it, processes in other sessions cannot be found.
func jobs(t *testing.T) (*Jobs, bool) {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/cgroup", "proa-test-")
	if err == nil {
		if _, err := os.Stat(dir + "/cgroup.kill"); err != nil {
			os.Remove(dir)
			dir = ""
		}
	}
	if dir != "" {
		t.Cleanup(func() {
			os.WriteFile(dir+"/cgroup.kill", []byte("1"), 0o644)
			time.Sleep(100 * time.Millisecond)
			leaves, _ := filepath.Glob(dir + "/*-*")
			for _, l := range append(leaves, dir) {
				os.Remove(l)
			}
		})
	}
	return New(reap().Start, t.TempDir(), dir), dir != ""
}

func list(commands ...string) List {
	return List{Key: "run_cmd", Log: "run-cmd", Commands: commands, Env: []string{"PATH=/usr/bin:/bin", "GREETING=a b"}}
}

func (j *Jobs) log(t *testing.T) string {
	t.Helper()
	time.Sleep(100 * time.Millisecond) // the log is copied beside the command
	text, err := os.ReadFile(filepath.Join(j.LogDir, "run-cmd.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOrder: commands run in order, each in a shell of its own with the environment; a failure ends neither the list nor
// what it returns, and no command is printed.
func TestOrder(t *testing.T) {
	j, _ := jobs(t)
	dir := t.TempDir()
	var seen []string
	j.Follow(func(s State) { seen = append(seen, s.String()) })
	s := j.Run(t.Context(), list("cd "+dir+"; echo one > f", "exit 3", "pwd; cat; echo \"$GREETING\" >> "+dir+"/f; echo err >&2", "kill -9 $$"))
	if s.State != Failed || s.Succeeded != 2 || !slices.Equal(s.Failed, []Failure{{2, "exit code 3"}, {4, "signal SIGKILL"}}) {
		t.Errorf("%+v", s)
	}
	if want := "run_cmd failed: command 2 of 4: exit code 3; command 4 of 4: signal SIGKILL; its output: proa logs run-cmd"; s.String() != want || seen[len(seen)-1] != want {
		t.Errorf("%q, %q", s, seen)
	}
	if got, _ := os.ReadFile(dir + "/f"); string(got) != "one\na b\n" {
		t.Errorf("wrote %q", got)
	}
	text := j.log(t)
	if !strings.Contains(text, "\n/\nerr\n") || strings.Contains(text, "exit 3") || !strings.Contains(text, "== run_cmd 2 of 4: exit code 3\n") {
		t.Errorf("log %q", text)
	}
	if s := j.Run(t.Context(), list("true")); s.State != Succeeded || s.String() != "run_cmd succeeded" {
		t.Errorf("%+v", s)
	}
}

// alive says whether the process whose PID is in a file runs.
func alive(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err := errors.Join(err, convErr); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z")
}

// TestHung: a command that hangs, ignores signals and has children in other sessions ends with its list's time.
func TestHung(t *testing.T) {
	j, cgroup := jobs(t)
	dir := t.TempDir()
	l := list("trap '' TERM INT HUP; setsid sh -c 'echo $$ > "+dir+"/other; exec sleep 60' & sh -c 'echo $$ > "+dir+"/child; exec sleep 60' & sleep 60", "touch "+dir+"/next")
	l.Limit = 700 * time.Millisecond
	began := time.Now()
	s := j.Run(t.Context(), l)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if s.State != Failed || s.Failed[0].How != "killed: not done after 700ms for all commands together" || !strings.HasPrefix(s.Reason, "the last 1 did not run") {
		t.Errorf("%+v", s)
	}
	time.Sleep(200 * time.Millisecond)
	if alive(t, dir+"/child") || cgroup && alive(t, dir+"/other") {
		t.Error("a process of the command is left")
	}
	if _, err := os.Stat(dir + "/next"); err == nil {
		t.Error("the next command was started after the time of the list")
	}
}

// TestBackground: what a command starts in the background neither delays the list nor ends with it.
func TestBackground(t *testing.T) {
	j, _ := jobs(t)
	dir := t.TempDir()
	began := time.Now()
	s := j.Run(t.Context(), list("sleep 60 & echo $! > "+dir+"/pid", "true"))
	if s.State != Succeeded || time.Since(began) > 5*time.Second || !alive(t, dir+"/pid") {
		t.Errorf("%+v after %s, alive: %t", s, time.Since(began), alive(t, dir+"/pid"))
	}
	text, _ := os.ReadFile(dir + "/pid")
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	unix.Kill(pid, unix.SIGKILL)
}

// TestStop: a shutdown gives a command that has requested it the time to end, and ends all others; nothing starts after.
func TestStop(t *testing.T) {
	for command, want := range map[string]State{
		"sleep 0.6":                           {State: Stopped, Succeeded: 1},
		"trap 'exit 0' TERM; sleep 60 & wait": {State: Stopped, Succeeded: 1},
		"sleep 60":                            {State: Failed, Failed: []Failure{{1, "signal SIGTERM"}}},
	} {
		j, _ := jobs(t)
		ended := make(chan State, 1)
		go func() { ended <- j.Run(t.Context(), list(command, "touch never")) }()
		for len(j.States()) == 0 || j.States()[0].State != Running || j.States()[0].Command == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		j.Stop()
		s := <-ended
		if s.State != want.State || s.Succeeded != want.Succeeded || !slices.Equal(s.Failed, want.Failed) {
			t.Errorf("%s: %+v", command, s)
		}
		if s := j.Run(t.Context(), list("true")); s.State != Stopped {
			t.Errorf("after the stop: %+v", s)
		}
	}
}

// TestSkip: commands that are to be skipped count as done, and a success that cannot be recorded is a failure.
func TestSkip(t *testing.T) {
	j, _ := jobs(t)
	l := list("exit 1", "true")
	l.Skip = func(i int) bool { return i == 0 }
	if s := j.Run(t.Context(), l); s.State != Succeeded || s.Skipped != 1 {
		t.Errorf("%+v", s)
	}
	l.Skip = func(int) bool { return true }
	l.Key = "first_run_cmd"
	if s := j.Run(t.Context(), l); s.String() != "first_run_cmd succeeded at an earlier boot" {
		t.Errorf("%s", s)
	}
	l = list("true")
	l.Key, l.Done = "other", func(int) error { return unix.ENOSPC }
	if s := j.Run(t.Context(), l); s.State != Failed || !strings.Contains(s.String(), "could not be recorded: no space left") {
		t.Errorf("%s", s)
	}
}
