// Package launch starts programs that are apart from the proa command, such as the installer, for it. It reads no
// arguments.
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

// ErrFailed is returned if the program has said itself what failed.
var ErrFailed = errors.New("nothing more was done")

// Run runs the installer.
func Run(in io.Reader, out, errs io.Writer, args []string) error {
	return Start(Program, in, out, errs, args)
}

// Start runs a program with the given arguments until it ends. Ctrl-C is for the program, which says what state it leaves.
func Start(program string, in io.Reader, out, errs io.Writer, args []string) error {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGINT)
	defer signal.Stop(caught)
	if in == nil {
		in = os.Stdin
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("this system does not have that program: %w", err)
	case errors.As(err, &ended):
		return ErrFailed
	}
	return err
}
