package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/otherslot"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade/claim"
	"golang.org/x/sys/unix"
)

// target returns the slot that does not run.
func (e Env) target() (t slotwrite.Target, err error) {
	if e.Slot != nil {
		return e.Slot()
	}
	t, _, err = otherslot.Find(e.Sys)
	return t, err
}

// lockWait is for PID 1, which holds the lock for short times only.
const lockWait = 3 * time.Second

func (e Env) lock() (*os.File, error) {
	f, err := slot.Lock(e.Root+slot.LockFile, lockWait)
	if errors.Is(err, slot.ErrBusy) {
		err = fmt.Errorf("%w; wait for it to end and run the command again", err)
	}
	return f, err
}

// change calls do for the slot named by the first argument, with the lock held, until a signal. A broken connection
// must not end the process: only its output is lost.
func (e Env) change(name string, do func(context.Context, slotwrite.Target) error) error {
	writing, err := claim.Lock(e.Root+claim.LockFile, lockWait)
	if err != nil {
		return err
	}
	defer writing.Close()
	lock, err := e.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	t, err := e.target()
	if err != nil {
		return err
	}
	if name != "" {
		if err := mayChange(name, t); err != nil {
			return err
		}
	}
	signal.Ignore(unix.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	return do(ctx, t)
}

func mayChange(name string, t slotwrite.Target) error {
	s, err := layout.ParseSlot(name)
	if err != nil {
		return err
	}
	if s == t.Slots.Current() {
		return fmt.Errorf("slot %s is running; the other one is slot %s", s, s.Other())
	}
	return nil
}

// input opens a file, or standard input so that ctx can interrupt a blocked read.
func (e Env) input(ctx context.Context, name string) (io.ReadCloser, error) {
	if name != "-" {
		return os.Open(name)
	}
	if terminal(os.Stdin) {
		return nil, errors.New("standard input is a terminal; use < FILE")
	}
	fd, err := unix.Dup(int(os.Stdin.Fd()))
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	in := os.NewFile(uintptr(fd), "standard input")
	context.AfterFunc(ctx, func() { _ = in.SetReadDeadline(time.Now()) }) // a regular file has no deadlines, and does not block
	return in, nil
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
