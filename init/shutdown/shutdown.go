// Package shutdown is the shutdown as an ordered list: services, other processes, clock, file systems, power. No step
// can stop it; failures are reported on the console. It cannot be interrupted.
package shutdown

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

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
	Flush        func()
	Record       func() // records why the machine shuts down
	StopServices func()
	SaveClock    func()
	Argument     func() string // returns the argument of a restart, for firmware that takes one; "": none. It may count a try on the disk
	Ending       func()        // cancels everything that still waits
	End          End

	argument string
}

// Step is one row. After Limit the list continues without it: a disk or a server that does not answer must not keep the
// machine up. Left is for steps that may take long as long as they make progress: whenever it has decreased, in bytes,
// Limit starts again.
type Step struct {
	Name  string
	Limit time.Duration
	Func  func(*Machine)
	Left  func() int64
}

// Sequence returns the list. A disk that is slow but still writes is waited for, so that an orderly shutdown loses
// nothing.
func Sequence() []Step {
	return []Step{
		{"black-box", 5 * time.Second, func(m *Machine) { m.Record() }, nil},
		{"stop-services", 60 * time.Second, func(m *Machine) { m.StopServices() }, nil}, // k3s alone may take 45 s, and 5 s more
		{"save-clock", 5 * time.Second, func(m *Machine) { m.SaveClock() }, nil},
		{"stop-processes", 10 * time.Second, stopProcesses, nil},
		{"boot-state", 10 * time.Second, func(m *Machine) { m.argument = m.Argument() }, nil}, // processes that held the lock have ended
		{"sync", 5 * time.Minute, func(m *Machine) { m.Sys.Sync() }, dirty},
		{"unmount", 2 * time.Minute, unmount, dirty},
		{"sync-again", time.Minute, func(m *Machine) { m.Sys.Sync() }, dirty},
		{"end", 10 * time.Second, end, nil},
	}
}

// Print returns the list for the golden file.
func Print() string {
	out := "shutdown\n"
	for i, s := range Sequence() {
		out += fmt.Sprintf("%3d  %-14s  %s\n", i+1, s.Name, s.Limit)
	}
	return out
}

// Run runs the list. It does not return on a machine.
func Run(m *Machine) { run(m, Sequence()) }

func run(m *Machine, list []Step) {
	for i, s := range list {
		began := time.Now()
		bounded(m, s)
		m.Logf("shutdown %d/%d %s %dms", i+1, len(list), s.Name, time.Since(began).Milliseconds())
	}
}

// How often a long step is checked, and how often that is reported.
const (
	lookEvery = time.Second
	sayEvery  = 10
)

func bounded(m *Machine, s Step) {
	done := make(chan struct{})
	go func() { defer close(done); guard(m, s) }()
	look := time.NewTicker(min(lookEvery, s.Limit))
	defer look.Stop()
	var least, left int64 = math.MaxInt64, 0
	moved := time.Now()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-look.C:
		}
		if s.Left != nil {
			if left = s.Left(); left < least {
				least, moved = left, time.Now()
			}
			if n%sayEvery == 0 {
				m.Logf("shutdown %s: %d MiB are still to be written; do not switch off", s.Name, left>>20)
			}
		}
		if time.Since(moved) >= s.Limit {
			m.Logf("shutdown %s: not done after %s; going on without", s.Name, s.Limit)
			return
		}
	}
}

func guard(m *Machine, s Step) {
	defer func() {
		if p := recover(); p != nil {
			m.Logf("shutdown %s: panic: %v", s.Name, p)
		}
	}()
	s.Func(m)
}

// processGrace is the time for processes other than services: shells, and containers that the runtime left.
const processGrace = 3 * time.Second

func stopProcesses(m *Machine) {
	if errors.Is(m.Sys.SignalAll(unix.SIGTERM), unix.ESRCH) {
		return
	}
	for end := time.Now().Add(processGrace); time.Now().Before(end) && others(m.Root); {
		time.Sleep(50 * time.Millisecond)
	}
	if others(m.Root) {
		_ = m.Sys.SignalAll(unix.SIGKILL) // a process that does not end keeps its mount busy
		time.Sleep(200 * time.Millisecond)
	}
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

// unmount unmounts all file systems on disks in reverse order; one that is still in use is remounted read-only, so that
// it is clean nevertheless.
func unmount(m *Machine) {
	for pass := range 3 {
		left := targets(m.Root)
		if len(left) == 0 {
			return
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
}

// targets returns the mount points to unmount, last mounted first.
func targets(root string) []string {
	text, err := os.ReadFile(root + "/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parse(string(text))
}

// kept says whether a mount stays: it has nothing to save, or is needed until the end, with everything in memory below
// it.
func kept(target, fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "devtmpfs", "devpts", "mqueue", "cgroup2", "bpf", "securityfs", "debugfs", "tracefs", "efivarfs", "hugetlbfs", "configfs", "fusectl", "binfmt_misc", "iso9660":
		return true
	case "tmpfs":
		// a pod's tmpfs volumes are mounted inside the data file system and have to be unmounted before it
		return !strings.HasPrefix(target, "/var/") && !strings.HasPrefix(target, "/run/proa/data/")
	}
	return target == "/" || target == "/etc"
}

func parse(mountinfo string) (found []string) {
	for _, line := range strings.Split(mountinfo, "\n") {
		left, right, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(g) < 1 {
			continue
		}
		target := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(f[4])
		if !kept(target, g[0]) {
			found = append([]string{target}, found...)
		}
	}
	return found
}

func end(m *Machine) {
	m.Logf("%s", m.End)
	m.Flush()
	m.Ending()
	err := error(nil)
	if m.End == Reboot {
		err = m.Sys.Restart(m.argument)
	} else {
		err = m.Sys.PowerOff()
	}
	if err != nil {
		m.Logf("%s: %v", m.End, err)
	}
}
