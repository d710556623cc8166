package rehearse

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/init/proc"
)

// perform runs Inside in namespaces of its own, and returns what the runtime prints. Everything in there ends with it, and
// it ends with this process.
func (s Stage) perform(ctx context.Context, order string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.Inside[0], append(s.Inside[1:len(s.Inside):len(s.Inside)], order)...)
	var out, errs limited
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS}
	cage, err := s.cage()
	if err != nil {
		return nil, err
	}
	if cage != nil {
		defer cage.remove()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(cage.dir.Fd())
	}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a parent's death is that of the thread
		ended <- cmd.Run()
	}()
	err = <-ended
	if err == nil {
		return out.Bytes(), nil
	}
	if cage != nil && cage.killed() {
		return out.Bytes(), fmt.Errorf("it needs more than %d MiB of memory", s.Memory>>20)
	}
	return out.Bytes(), errors.New(cmp.Or(proc.LastLine(errs.String()), err.Error()))
}

// cage is a cgroup that limits memory.
type cage struct {
	path string
	dir  *os.File
}

func (s Stage) cage() (*cage, error) {
	if s.Cgroup == "" {
		return nil, nil
	}
	c := &cage{path: filepath.Join(s.Cgroup, "rehearsal")}
	if err := os.Mkdir(c.path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	err := os.WriteFile(filepath.Join(c.path, "memory.max"), []byte(strconv.FormatInt(s.Memory, 10)), 0o600)
	if err == nil {
		c.dir, err = os.Open(c.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("limit of memory: %w", err), os.Remove(c.path))
	}
	return c, nil
}

func (c *cage) remove() {
	c.dir.Close()
	_ = os.Remove(c.path) // the next run takes it as it is
}

// killed says whether the kernel has ended a process for want of memory.
func (c *cage) killed() bool {
	text, err := os.ReadFile(filepath.Join(c.path, "memory.events"))
	return err == nil && !bytes.Contains(text, []byte("oom_kill 0\n")) && bytes.Contains(text, []byte("oom_kill "))
}

// enough refuses to begin if the machine has too little memory: the kernel would end pods for it.
func enough() error {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:")
		if !ok {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
		if err == nil && kb<<10 < least {
			return fmt.Errorf("a rehearsal needs %d MiB of memory, and %d MiB are available: stop something", least>>20, kb>>10)
		}
	}
	return nil
}

// limited keeps as much as a report may have; more is left out, which makes it none.
type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if room := rehearsal.MaxReport + 1 - l.Len(); room > 0 {
		l.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// copyFile copies a file for root only.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
