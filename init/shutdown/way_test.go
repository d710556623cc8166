package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/sys"
)

// process is a process in /proc. A kernel thread has no command line.
type process struct {
	cmdline string
	dies    unix.Signal // signal that ends it; 0: none
}

// mount is a line of mountinfo.
type mount struct {
	target, fstype string
	busy           int // number of times it is busy; < 0: always
}

// kernel has the state that the shutdown changes: processes and mounts, as files below its root. It records all other
// calls.
type kernel struct {
	sys.Fake
	t         *testing.T
	root      string
	processes map[string]process
	mounts    []mount
	mu        sync.Mutex
	said      []string
}

func start(t *testing.T, processes map[string]process, mounts ...mount) (*kernel, *Machine) {
	t.Helper()
	k := &kernel{t: t, root: t.TempDir(), processes: processes, mounts: mounts}
	for pid, p := range processes {
		k.put("proc/"+pid+"/cmdline", p.cmdline)
	}
	k.show()
	journal := func(what string) func() { return func() { _, _ = k.Run(context.Background(), what) } }
	began := time.Now()
	return k, &Machine{Sys: k, Root: k.root, Logf: k.logf, Clock: func() time.Duration { return time.Since(began) }, End: Reboot,
		SaveTimeline: k.keep, Flush: journal("flush"), Record: journal("record"), StopServices: journal("stop services"),
		SaveClock: journal("save clock"), Ending: journal("ending"), Argument: func() string { journal("argument")(); return "3 tryboot" }}
}

// keep records which steps are saved.
func (k *kernel) keep(done []step.Result) error {
	var names []string
	for _, r := range done {
		names = append(names, r.Name)
	}
	_, err := k.Run(context.Background(), "save", strings.Join(names, " "))
	return err
}

func (k *kernel) put(name, text string) {
	path := filepath.Join(k.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		k.t.Error(err)
	}
}

func (k *kernel) show() {
	var b strings.Builder
	for i, m := range k.mounts {
		fmt.Fprintf(&b, "%d 1 254:5 / %s rw - %s /dev/vda5 rw\n", 20+i, m.target, m.fstype)
	}
	k.put("proc/self/mountinfo", b.String())
}

func (k *kernel) logf(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = append(k.said, fmt.Sprintf(format, args...))
}

func (k *kernel) SignalAll(sig unix.Signal) error {
	if err := k.Fake.SignalAll(sig); err != nil {
		return err
	}
	for pid, p := range k.processes {
		if p.dies == sig {
			if err := os.RemoveAll(filepath.Join(k.root, "proc", pid)); err != nil {
				k.t.Error(err)
			}
		}
	}
	return nil
}

func (k *kernel) Unmount(target string, flags int) error {
	_ = k.Fake.Unmount(target, flags)
	at := slices.IndexFunc(k.mounts, func(m mount) bool { return m.target == target })
	if at < 0 {
		return unix.EINVAL
	}
	above := slices.ContainsFunc(k.mounts, func(m mount) bool { return strings.HasPrefix(m.target, target+"/") })
	if m := &k.mounts[at]; flags&unix.MNT_DETACH == 0 && (m.busy != 0 || above) {
		m.busy = max(m.busy-1, min(m.busy, 0))
		return fmt.Errorf("unmount %s: %w", target, unix.EBUSY)
	}
	k.mounts = slices.Delete(k.mounts, at, at+1)
	k.show()
	return nil
}

// heard returns the console lines that contain a word.
func (k *kernel) heard(word string) (out []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.said {
		if strings.Contains(l, word) {
			out = append(out, l)
		}
	}
	return out
}

// calls returns the recorded calls, without file modes.
func (k *kernel) calls() string { return strings.TrimSuffix(k.String(), "\n") }

func disk() []mount {
	return []mount{{"/", "erofs", 0}, {"/run", "tmpfs", 0}, {"/boot", "vfat", 0}, {"/run/proa/data", "ext4", 0}, {"/var", "ext4", 0},
		{"/var/lib/kubelet/pods/1/volumes/v", "tmpfs", 0}}
}

// TestWholeWay: first the services, while the disk is still writable; then other processes; then the boot state, whose
// lock is free by then; then the file systems, last mounted first; and after the sync the end, with the firmware's
// argument.
func TestWholeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m := start(t, map[string]process{"1": {"init", 0}, "2": {"", 0}, "77": {"sh", unix.SIGTERM}}, disk()...)
		Run(m)
		want := `run record
run stop services
run save clock
signal-all SIGTERM
run argument
run save black-box stop-services save-clock stop-processes boot-state
sync
unmount /var/lib/kubelet/pods/1/volumes/v 0
unmount /var 0
unmount /run/proa/data 0
unmount /boot 0
sync
run flush
run ending
restart 3 tryboot`
		if d := cmp.Diff(want, strings.ReplaceAll(k.calls(), " 0x0", " 0")); d != "" {
			t.Error(d)
		}
		if left := targets(k.root); len(left) != 0 || len(k.heard("read-only")) != 0 {
			t.Errorf("left mounted: %v, said %q", left, k.said)
		}
	})
}

// TestPowerOffRestartsNothing: only a restart has the firmware's argument.
func TestPowerOffRestartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m := start(t, nil, disk()...)
		m.End = PowerOff
		k.Fail = map[string]error{"power-off": unix.EPERM}
		Run(m)
		if c := k.calls(); !strings.HasSuffix(c, "run ending\npower-off") || strings.Contains(c, "restart") {
			t.Errorf("calls:\n%s", c)
		}
		if said := k.heard("end FAILED (warn) 0ms: operation not permitted"); len(said) != 1 {
			t.Errorf("said %q", k.said)
		}
	})
}

// TestProcesses: processes that end are waited for, others are killed, and those that do not end then are ignored.
// Kernel threads and PID 1 are not waited for.
func TestProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		processes map[string]process
		fail      map[string]error
		want      string
		took      time.Duration
	}{
		"nobody else":     {nil, map[string]error{"SIGTERM": unix.ESRCH}, "signal-all SIGTERM", 0},
		"kernel threads":  {map[string]process{"1": {"init", 0}, "2": {"", 0}}, nil, "signal-all SIGTERM", 0},
		"ends":            {map[string]process{"7": {"sh", unix.SIGTERM}}, nil, "signal-all SIGTERM", 0},
		"is killed":       {map[string]process{"7": {"sh", unix.SIGKILL}}, nil, "signal-all SIGTERM\nsignal-all SIGKILL", processGrace + 200*time.Millisecond},
		"waits on a disk": {map[string]process{"7": {"sh", 0}}, nil, "signal-all SIGTERM\nsignal-all SIGKILL", processGrace + 200*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, m := start(t, c.processes)
				k.Fail = c.fail
				began := time.Now()
				if err := stopProcesses(t.Context(), m); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if d := cmp.Diff(c.want, k.calls()); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// TestBusyMounts: a process that does not end keeps its file system, and those above it, busy. These are tried three
// times, then remounted read-only, so that they are clean, and detached; the others are unmounted at once, and the
// machine shuts down in any case.
func TestBusyMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := append(disk(), mount{"/var/lib/kubelet/pods/2/volumes/held", "ext4", -1}, mount{"/run/netns/cni-1", "nsfs", 1})
		k, m := start(t, map[string]process{"7": {"dd", 0}}, list...)
		Run(m)
		want := `unmount /run/netns/cni-1 0
unmount /var/lib/kubelet/pods/2/volumes/held 0
unmount /var/lib/kubelet/pods/1/volumes/v 0
unmount /var 0
unmount /run/proa/data 0
unmount /boot 0
unmount /run/netns/cni-1 0
unmount /var/lib/kubelet/pods/2/volumes/held 0
unmount /var 0
unmount /var/lib/kubelet/pods/2/volumes/held 0
mount  /var/lib/kubelet/pods/2/volumes/held  0x21
unmount /var/lib/kubelet/pods/2/volumes/held 0x2
unmount /var 0
sync`
		_, got, _ := strings.Cut(k.calls(), "sync\n")
		got, end, _ := strings.Cut(strings.ReplaceAll(got, " 0x0", " 0"), "\nrun flush")
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if !strings.HasSuffix(end, "restart 3 tryboot") {
			t.Errorf("the end: %q", end)
		}
		if said := k.heard("making it read-only"); len(said) != 1 || !strings.HasPrefix(said[0], "unmount /var/lib/kubelet/pods/2/volumes/held: device or resource busy; ") {
			t.Errorf("said %q", said)
		}
	})
}

// TestEveryStepMayFail: whatever step fails, the machine restarts.
func TestEveryStepMayFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m := start(t, nil, disk()...)
		panics := func() { panic("no disk") }
		m.Record, m.StopServices, m.SaveClock, m.Flush = panics, panics, panics, k.Sync
		m.Argument = func() string { panic("no disk") }
		k.Fail = map[string]error{"SIGTERM": unix.EPERM}
		Run(m)
		if c := k.calls(); !strings.HasSuffix(c, "\nrestart") {
			t.Errorf("calls:\n%s", c)
		}
		if said := k.heard("panic: no disk"); len(said) != 4 {
			t.Errorf("said %q", k.said)
		}
	})
}

// TestNoMountinfo: without mountinfo nothing can be unmounted, but everything is synced.
func TestNoMountinfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m := start(t, nil)
		if err := os.RemoveAll(filepath.Join(k.root, "proc")); err != nil {
			t.Fatal(err)
		}
		Run(m)
		if c := k.calls(); strings.Contains(c, "unmount") || strings.Count(c, "sync") != 2 || !strings.HasSuffix(c, "restart 3 tryboot") {
			t.Errorf("calls:\n%s", c)
		}
	})
}
