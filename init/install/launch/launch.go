// Package launch starts the installer, which is a program of its own, for the proa command. It reads no arguments.
package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Program is the path of the installer in the root image (build/plan).
const Program = "/usr/libexec/proa/proa-install"

// There says whether this system has the installer: boards without an ISO have none.
func There() bool {
	_, err := os.Stat(Program)
	return err == nil
}

// ErrFailed is returned if the installer has said itself what failed.
var ErrFailed = errors.New("nothing more was done")

// Run runs it with the given arguments until it ends. Ctrl-C is for the installer, which says what state the disk is in.
func Run(in io.Reader, out, errs io.Writer, args []string) error {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGINT)
	defer signal.Stop(caught)
	if in == nil {
		in = os.Stdin
	}
	cmd := exec.Command(Program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("this system has no installer: %w", err)
	case errors.As(err, &ended):
		return ErrFailed
	}
	return err
}
