package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/pushlink"
)

// options of ssh beside the user's: a node that is gone is noticed within a minute.
var options = []string{"-T", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"}

// errSSH is returned if ssh itself failed: no connection, or one that was lost.
var errSSH = errors.New("no connection")

// sshFailed is ssh's exit code for that.
const sshFailed = 255

// command returns ssh with a command for the node, which an account that is not root runs by sudo. Only the first one may
// ask for anything: later ones are made while nobody watches.
func (n *node) command(ctx context.Context, verb string) *exec.Cmd {
	args := slices.Concat(n.ssh[1:], options)
	if n.asked {
		args = append(args, "-o", "BatchMode=yes")
	}
	n.asked = true
	line := fmt.Sprintf(`if [ "$(id -u)" = 0 ]; then exec proa upgrade %s; fi; exec sudo proa upgrade %[1]s`, verb)
	cmd := exec.CommandContext(ctx, n.ssh[0], append(args, n.name, "--", line)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// report asks the node how it is.
func (n *node) report(ctx context.Context) (r nodeupgrade.Report, err error) {
	cmd := n.command(ctx, "status --json")
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, &said
	if !n.reached {
		cmd.Stderr = os.Stderr // ssh may ask something
	}
	if err := ended(cmd.Run(), &said); err != nil {
		return r, err
	}
	n.reached = true
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("proa upgrade status --json: %w", err)
	}
	return r, nil
}

// ended tells errors of ssh from those of the command on the node.
func ended(err error, said *bytes.Buffer) error {
	var exit *exec.ExitError
	why := strings.TrimSpace(said.String())
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("no ssh on this machine: install OpenSSH's client")
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() == sshFailed || exit.ExitCode() < 0:
		return errors.Join(errSSH, errIf(why))
	case why != "":
		return errors.New(why)
	}
	return fmt.Errorf("proa upgrade on the node: %w", err)
}

func errIf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// engine runs a verb of the engine on the node with the release. What it says is shown. When the context ends, the
// engine's input does, which stops it; then it is waited for.
func (n *node) engine(ctx context.Context, verb string, r *release) (pushlink.Ended, error) {
	cmd := n.command(context.WithoutCancel(ctx), verb)
	// Ctrl-C is for this program: ssh would end before the engine could say what state it leaves.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return pushlink.Ended{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return pushlink.Ended{}, err
	}
	cmd.Stderr = n.out
	if err := cmd.Start(); err != nil {
		return pushlink.Ended{}, ended(err, &bytes.Buffer{})
	}
	stop := context.AfterFunc(ctx, func() {
		in.Close()
		time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	})
	defer stop()
	how, served := pushlink.Host{Kind: r.kind, Name: here(), Open: r.open}.Serve(out, in)
	in.Close() // the engine has ended, or is to
	_, _ = io.Copy(io.Discard, out)
	err = ended(cmd.Wait(), &bytes.Buffer{})
	n.out.end()
	if served == nil {
		return how, nil // whatever became of the connection afterwards
	}
	if errors.Is(served, pushlink.ErrLost) && err != nil {
		return how, err
	}
	return how, served
}

// lines writes whole lines with a text before each.
type lines struct {
	mu     sync.Mutex
	w      io.Writer
	before string
	rest   []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.print(line)
		l.rest = bytes.Clone(rest)
	}
}

// end writes a line that was not ended.
func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.print(l.rest)
		l.rest = nil
	}
}

// print shows what a node says without the characters that a terminal obeys.
func (l *lines) print(line []byte) {
	const width = 2000
	fmt.Fprintf(l.w, "%s%s\n", l.before, nodeupgrade.Line(string(line), width))
}

func (l *lines) say(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }
