// Package background makes this process, and those that it starts from then on, wait for the work of the node: writing a
// slot takes a minute of a small machine's processor and most of its disk, and a node whose kubelet waits for either is
// NotReady. It refuses nothing: what the kernel does not offer is left out, because an upgrade matters more than its pace.
package background

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Cgroup is that of the work. It is beside those of services (/sys/fs/cgroup/proa) and of pods (kubepods), and in neither:
// among services it would have their whole share against pods when no service works.
const Cgroup = "/sys/fs/cgroup/proa-background"

// Nice is the priority by nice(2). The kernel compares it only within a cgroup, and then not with other sessions
// (sched_autogroup); it counts on a kernel without the cpu controller, and among the threads in Cgroup.
const Nice = 19

// weights are the shares of processor and disk; a cgroup that says nothing has 100. A tenth is enough to go on on a machine
// that is never idle; by cpu.idle a transfer could wait until its server gives up. io.weight needs blk-iocost, io.bfq.weight
// the scheduler BFQ; without either the priority below counts.
var weights = map[string]string{"cpu.weight": "10", "io.weight": "10", "io.bfq.weight": "10"}

// ioprio is the class idle of ioprio_set(2): requests of others go first, and both schedulers that look at classes
// (mq-deadline and BFQ) let the idle ones through after a time. The lowest best-effort level would say nothing to mq-deadline.
const (
	ioprioIdle       = 3 << 13
	ioprioWhoProcess = 1
)

// Enter moves this process there. root is the prefix of the path of the cgroup; "" on a machine. The error says what the
// kernel did not do; the rest is done.
func Enter(root string) error {
	return errors.Join(enter(filepath.Join(root, Cgroup)), threads())
}

func enter(dir string) error {
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "cgroup.procs")); err != nil {
		return nil // no cgroups
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	var errs []error
	for name, value := range weights {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			errs = append(errs, err) // one that is not there cannot be created in this file system
		}
	}
	errs = append(errs, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0))
	return errors.Join(errs...)
}

// threads sets the priorities, which belong to threads: a new one has those of the thread that makes it, so that the list
// is read again until nothing is new.
func threads() error {
	done := map[int]error{}
	for {
		list, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		fresh := false
		for _, e := range list {
			tid, err := strconv.Atoi(e.Name())
			if _, was := done[tid]; was || err != nil {
				continue
			}
			fresh, done[tid] = true, lower(tid)
		}
		if fresh {
			continue
		}
		for tid, err := range done {
			if err != nil && !errors.Is(err, unix.ESRCH) { // it has ended
				return fmt.Errorf("priority of thread %d: %w", tid, err)
			}
		}
		return nil
	}
}

func lower(tid int) error {
	err := unix.Setpriority(unix.PRIO_PROCESS, tid, Nice)
	if _, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(tid), ioprioIdle); errno != 0 && errno != unix.ENOSYS {
		err = errors.Join(err, errno)
	}
	return err
}
