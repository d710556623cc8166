// Package shutdown is the shutdown as an ordered list: services, other processes, clock, file systems, power. No step
// can stop it: each has a time limit, and failures are reported on the console. It cannot be interrupted.
package shutdown

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/swap"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// End is the final action.
type End string

// The ends.
const (
	PowerOff End = "power off"
	Reboot   End = "reboot"
)

// Machine is the input of the list.
type Machine struct {
	Sys          sys.Sys
	Root         string // prefix of all paths that are read; "" except in tests
	Logf         func(string, ...any)
	Clock        func() time.Duration // time since the kernel started
	Flush        func()
	Record       func() // records why the machine shuts down
	StopServices func()
	SaveClock    func()
	SaveTimeline func([]step.Result) error
	Argument     func() string // returns the argument of a restart, for firmware that takes one; "": none. It may count a try on the disk
	Ending       func()        // cancels everything that still waits
	End          End

	argument atomic.Pointer[string]
	done     []step.Result
}

// Step is one row. After its limit the list continues without it: a disk or a server that does not answer must not keep
// the machine up.
type Step struct {
	Name   string
	Func   func(context.Context, *Machine) error
	Policy step.Policy
	Limit  time.Duration
}

// Sequence returns the list. A disk that is slow but still writes is waited for, so that an orderly shutdown loses
// nothing.
func Sequence() []Step {
	return []Step{
		{"black-box", record, step.Warn, 5 * time.Second},
		{"stop-services", stopServices, step.Warn, 60 * time.Second}, // k3s alone may take 45 s, and 5 s more
		{"save-clock", saveClock, step.Warn, 5 * time.Second},
		{"stop-processes", stopProcesses, step.Warn, 10 * time.Second},
		{"boot-state", bootState, step.Warn, 10 * time.Second}, // processes that held the lock have ended
		{"save-timeline", saveTimeline, step.Warn, 5 * time.Second},
		{"swap-off", swapOff, step.Warn, 15 * time.Second}, // a swap file keeps its file system from being unmounted
		{"sync", whileWriting(syncDisks), step.Warn, 5 * time.Minute},
		{"unmount", whileWriting(unmount), step.Warn, 2 * time.Minute},
		{"sync-again", whileWriting(syncDisks), step.Warn, time.Minute},
		{"end", end, step.Warn, 10 * time.Second},
	}
}

// Print returns the list for the golden file.
func Print() string { return step.Print("shutdown", Sequence()) }

// Run runs the list. It does not return on a machine.
func Run(m *Machine) { run(m, Sequence()) }

func run(m *Machine, list []Step) {
	r := step.Runner{List: "shutdown", Clock: m.Clock, Bounded: true, Report: func(res step.Result) {
		m.done = append(m.done, res)
		m.Logf("shutdown %s", res)
	}}
	_, _ = step.Run(context.Background(), r, list, m) // no step has the policy halt
}

func record(_ context.Context, m *Machine) error {
	m.Record()
	return nil
}

func stopServices(_ context.Context, m *Machine) error {
	m.StopServices()
	return nil
}

func saveClock(_ context.Context, m *Machine) error {
	m.SaveClock()
	return nil
}

func bootState(_ context.Context, m *Machine) error {
	argument := m.Argument()
	m.argument.Store(&argument)
	return nil
}

// saveTimeline saves the steps so far, while the disk can still be written.
func saveTimeline(_ context.Context, m *Machine) error { return m.SaveTimeline(m.done) }

func syncDisks(_ context.Context, m *Machine) error {
	m.Sys.Sync()
	return nil
}

// processGrace is the time for processes other than services: shells, and containers that the runtime left.
const processGrace = 3 * time.Second

func stopProcesses(_ context.Context, m *Machine) error {
	if errors.Is(m.Sys.SignalAll(unix.SIGTERM), unix.ESRCH) {
		return nil
	}
	for end := time.Now().Add(processGrace); time.Now().Before(end) && others(m.Root); {
		time.Sleep(50 * time.Millisecond)
	}
	if others(m.Root) {
		_ = m.Sys.SignalAll(unix.SIGKILL) // a process that does not end keeps its mount busy
		time.Sleep(200 * time.Millisecond)
	}
	return nil
}

// others says whether another user-space process is alive: one that has a command line.
func others(root string) bool {
	dirs, _ := os.ReadDir(root + "/proc")
	for _, d := range dirs {
		if n := d.Name(); n[0] < '1' || n[0] > '9' || n == "1" {
			continue
		}
		if cmd, err := os.ReadFile(root + "/proc/" + d.Name() + "/cmdline"); err == nil && len(cmd) > 0 {
			return true
		}
	}
	return false
}

func swapOff(_ context.Context, m *Machine) (err error) {
	for _, path := range swap.InUse(m.Root) {
		if path != "/dev/zram0" { // it is in memory, and goes with it
			err = errors.Join(err, m.Sys.SwapOff(path))
		}
	}
	return err
}

// unmount unmounts all file systems on disks in reverse order; one that is still in use is remounted read-only, so that
// it is clean nevertheless.
func unmount(_ context.Context, m *Machine) error {
	for _, t := range pick(mountinfo(m.Root), func(_, fstype string) bool { return slices.Contains(ofServers, fstype) }) {
		if err := m.Sys.Unmount(t, unix.MNT_FORCE|unix.MNT_DETACH); err != nil { // a server that is gone must not hold up the disks
			m.Logf("%v", err)
		}
	}
	for pass := range 3 {
		left := targets(m.Root)
		if len(left) == 0 {
			return nil
		}
		for _, t := range left {
			err := m.Sys.Unmount(t, 0)
			if err != nil && pass == 2 {
				m.Logf("%v; making it read-only", err)
				_ = m.Sys.Mount("", t, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") // some file systems cannot be, and none is waited for
				_ = m.Sys.Unmount(t, unix.MNT_DETACH)
			}
		}
		time.Sleep(time.Duration(pass) * 100 * time.Millisecond)
	}
	return nil
}

// ofServers are file systems whose data is elsewhere; the sync before has sent it.
var ofServers = []string{"nfs", "nfs4", "cifs", "smb3", "ceph"}

// targets returns the mount points to unmount, last mounted first.
func targets(root string) []string { return parse(mountinfo(root)) }

func mountinfo(root string) string {
	text, _ := os.ReadFile(root + "/proc/self/mountinfo") // without it nothing can be unmounted
	return string(text)
}

// kept says whether a mount stays: it has nothing to save, or is needed until the end, with everything in memory below
// it.
func kept(target, fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "devtmpfs", "devpts", "mqueue", "cgroup2", "bpf", "securityfs", "debugfs", "tracefs", "efivarfs", "hugetlbfs", "configfs", "fusectl", "binfmt_misc", "iso9660":
		return true
	case "tmpfs":
		// a pod's tmpfs volumes and the accounts' keys are mounted inside the data file system and have to be unmounted before it
		return !slices.ContainsFunc([]string{"/var/", "/home/", "/root/", "/opt/", "/run/proa/data/"}, func(top string) bool { return strings.HasPrefix(target, top) })
	}
	return target == "/" || target == "/etc"
}

func parse(mountinfo string) []string {
	return pick(mountinfo, func(target, fstype string) bool { return !kept(target, fstype) })
}

// pick returns the mount points that want says, last mounted first.
func pick(mountinfo string, want func(target, fstype string) bool) (found []string) {
	for _, line := range strings.Split(mountinfo, "\n") {
		left, right, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(g) < 1 {
			continue
		}
		target := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(f[4])
		if want(target, g[0]) {
			found = append([]string{target}, found...)
		}
	}
	return found
}

func end(_ context.Context, m *Machine) error {
	m.Logf("%s", m.End)
	m.Flush()
	m.Ending()
	if m.End == PowerOff {
		return m.Sys.PowerOff()
	}
	argument := ""
	if set := m.argument.Load(); set != nil {
		argument = *set
	}
	return m.Sys.Restart(argument)
}
