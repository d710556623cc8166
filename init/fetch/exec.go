package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Nobody is the user that the program runs as when it is started by root.
var Nobody = syscall.Credential{Uid: 65534, Gid: 65534}

// lowPort is the program's argument for Request.LowPort.
const lowPort = "low-port"

// As is how the program is started by root: as nobody, and with the one privilege that a request needs.
func As(argv []string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Credential: &Nobody}
	if slices.Contains(argv[1:], lowPort) {
		attr.AmbientCaps = []uintptr{unix.CAP_NET_BIND_SERVICE}
	}
	return attr
}

// ErrLong is returned by a Run whose program wrote more than the limit.
var ErrLong = errors.New("the answer is too long")

// Exec is the Run of a process other than PID 1, where waiting would race with reaping.
func Exec(ctx context.Context, argv, env []string, in []byte, limit int) ([]byte, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Dir = append([]string{}, env...), bytes.NewReader(in), "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = As(argv)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(pipe, int64(limit)+1))
	if err == nil && len(out) > limit {
		err = ErrLong
	}
	if err != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("%s: %w", argv[0], ended)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}
