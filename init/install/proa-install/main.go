// Command proa-install is the installer: proa install, the screen on the consoles of a live system, and what
// install.silent does. It is a program of its own, so that PID 1 and the initramfs stay small. It reads nothing but the
// live medium, the configuration in force, and what its user types.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/install/run"
	"github.com/proa-os/proa/init/install/screen"
	"github.com/proa-os/proa/init/netup"
)

func main() {
	ends := []os.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT}
	if len(os.Args) > 1 && os.Args[1] == "--console" {
		ends = ends[:2] // Ctrl-C ends one installation there, and not the service
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	e := run.Env{MediumDir: "/boot", In: os.Stdin, Out: os.Stdout, Live: terminal(os.Stdout), Address: netup.Served, End: end}
	e.Fetch = fetch.Client{Run: fetch.Exec}.Do
	switch err := start(ctx, e, os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "proa: install:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, e run.Env, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "--silent":
		return silent(ctx, e)
	case len(args) == 2 && args[0] == "--console":
		return console(ctx, e, args[1])
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil && terminal(os.Stdin) {
		defer tty.Close() // the process ends
		e.In, e.Echo = tty, echo(tty)
		defer interrupt(ctx, tty)()
	}
	return e.Command(ctx, args)
}

// silent is a service of the live system. An installation that failed is not repeated by itself: it would erase a disk
// again and again. proa restart install does.
func silent(ctx context.Context, e run.Env) error {
	e.Out = io.MultiWriter(os.Stdout, consoles{})
	held, err := inforce.Load("")
	if err == nil {
		e.Fetch = fetch.Client{Run: fetch.Exec, Environment: held.Config.Environment}.Do
		err = e.Silent(ctx, held.Config)
	}
	if err != nil {
		fmt.Fprintf(e.Out, "not installed: %v\nproa logs install shows more; proa restart install tries again\n", err)
	}
	<-ctx.Done()
	return nil
}

// console offers the installer on a console of a live system, until the machine restarts.
func console(ctx context.Context, e run.Env, name string) error {
	tty, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0) // becomes the controlling terminal, so that Ctrl-C is a signal
	if err != nil {
		return err
	}
	defer tty.Close() // the process ends
	signal.Ignore(unix.SIGTTOU, unix.SIGTTIN)
	e.In, e.Out, e.Live, e.Echo = tty, tty, true, echo(tty)
	defer interrupt(ctx, tty)() // the service ends at once when it is to
	for ctx.Err() == nil {
		if _, err := screen.Line(tty, tty, "\r\nThis system runs from its medium. Press Enter to install it on a disk of this machine.\r\n"); err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		once, stop := signal.NotifyContext(ctx, unix.SIGINT)
		done := interrupt(once, tty)
		if err := e.Command(once, nil); err != nil {
			fmt.Fprintf(tty, "\r\nproa: install: %v\r\n", err)
		}
		done()
		stop()
	}
	return nil
}

// end restarts the machine as the command does.
func end(powerOff bool) error {
	verb := map[bool]string{false: "reboot", true: "poweroff"}[powerOff]
	out, err := exec.Command("/usr/bin/proa", verb).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", verb, err, bytes.TrimSpace(out))
	}
	return nil
}
