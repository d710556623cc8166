// Package shutdown is the way down as an ordered list: services, everybody else, clock, file systems, power. No step can stop it;
// what a step cannot do is said on the console. It refuses to be interrupted.
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

// End is what happens last.
type End string

// The ends.
const (
	PowerOff End = "power off"
	Reboot   End = "reboot"
)

// Machine is what the list needs.
type Machine struct {
	Sys          sys.Sys
	Root         string // prefix of everything that is read; "" on a machine
	Logf         func(string, ...any)
	Flush        func()
	Record       func() // why the machine goes down
	StopServices func()
	SaveClock    func()
	Argument     func() string // of a restart, for firmware that takes one; "": none. It may count a try on the disk
	Ending       func()        // nothing is waited for any more
	End          End

	argument string
}

// Step is one row. After Limit the list goes on without it: a disk or a server that does not answer must not keep the machine up. Left
// is for steps that take as long as they get on: whenever it has fallen, Limit begins anew. It is in bytes.
type Step struct {
	Name  string
	Limit time.Duration
	Func  func(*Machine)
	Left  func() int64
}

// Sequence is the list. A disk that is slow, but writes, is waited for to the end: what was written before an orderly way down is kept.
func Sequence() []Step {
	return []Step{
		{"black-box", 5 * time.Second, func(m *Machine) { m.Record() }, nil},
		{"stop-services", 60 * time.Second, func(m *Machine) { m.StopServices() }, nil}, // k3s alone may take 45 s and 5 s more
		{"save-clock", 5 * time.Second, func(m *Machine) { m.SaveClock() }, nil},
		{"stop-processes", 10 * time.Second, stopProcesses, nil},
		{"boot-state", 10 * time.Second, func(m *Machine) { m.argument = m.Argument() }, nil}, // whoever held the lock has ended
		{"sync", 5 * time.Minute, func(m *Machine) { m.Sys.Sync() }, dirty},
		{"unmount", 2 * time.Minute, unmount, dirty},
		{"sync-again", time.Minute, func(m *Machine) { m.Sys.Sync() }, dirty},
		{"end", 10 * time.Second, end, nil},
	}
}

// Print is the golden form.
func Print() string {
	out := "shutdown\n"
	for i, s := range Sequence() {
		out += fmt.Sprintf("%3d  %-14s  %s\n", i+1, s.Name, s.Limit)
	}
	return out
}

// Run does not come back on a machine.
func Run(m *Machine) { run(m, Sequence()) }

func run(m *Machine, list []Step) {
	for i, s := range list {
		began := time.Now()
		bounded(m, s)
		m.Logf("shutdown %d/%d %s %dms", i+1, len(list), s.Name, time.Since(began).Milliseconds())
	}
}

// How often a step that takes long is looked at, and how often that is said.
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

// processGrace is what processes without a service get: shells, and containers that the runtime left.
const processGrace = 3 * time.Second

func stopProcesses(m *Machine) {
	if errors.Is(m.Sys.SignalAll(unix.SIGTERM), unix.ESRCH) {
		return
	}
	for end := time.Now().Add(processGrace); time.Now().Before(end) && others(m.Root); {
		time.Sleep(50 * time.Millisecond)
	}
	if others(m.Root) {
		_ = m.Sys.SignalAll(unix.SIGKILL) // who does not die keeps a mount busy, which unmount sees
		time.Sleep(200 * time.Millisecond)
	}
}

// others reports whether a process of user space beside PID 1 lives: one that has a command line.
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

// unmount takes everything down that lies on a disk, last mounted first; what is still in use is made read-only, so that the
// file system is clean all the same.
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
				_ = m.Sys.Mount("", t, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") // not every file system can be, and none is waited for
				_ = m.Sys.Unmount(t, unix.MNT_DETACH)
			}
		}
		time.Sleep(time.Duration(pass) * 100 * time.Millisecond)
	}
}

// targets lists what has to go, last mounted first.
func targets(root string) []string {
	text, err := os.ReadFile(root + "/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parse(string(text))
}

// kept are mounts that hold nothing to save and are needed to the end, with what lies beneath them in memory.
func kept(target, fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "devtmpfs", "devpts", "mqueue", "cgroup2", "bpf", "securityfs", "debugfs", "tracefs", "efivarfs", "hugetlbfs", "configfs", "fusectl", "binfmt_misc", "iso9660":
		return true
	case "tmpfs":
		// a pod's memory volumes lie in the data file system and have to go before it can
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
