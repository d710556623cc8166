package probe

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/supervise"
)

// How long a killed process, and output of what it has left, are waited for: a process that a disk holds in the kernel
// does not end.
const (
	killWait = 2 * time.Second
	readWait = time.Second
)

// maxOutput is how much of the end of an output is kept.
const maxOutput = 8 << 10

// run runs a program in a session and a cgroup of its own, and ends what it has left. out is the last line that it has
// printed, why how it failed, with that line.
func (p Prober) run(ctx context.Context, argv, env []string) (out, why string) {
	rd, wr, err := os.Pipe()
	if err != nil {
		return "", err.Error()
	}
	defer rd.Close()
	leaf, err := p.leaf()
	if err != nil {
		wr.Close()
		return "", "cgroup: " + err.Error()
	}
	spec := proc.Spec{Argv: argv, Env: env, Out: wr}
	if leaf != nil {
		spec.CgroupFD = int(leaf.Fd())
	}
	child, err := p.Start(spec)
	wr.Close()
	if err != nil {
		p.clear(leaf)
		return "", err.Error()
	}
	said := make(chan string, 1)
	go func() { said <- tail(rd) }()
	why = p.wait(ctx, child)
	p.clear(leaf)
	out = lastLine(last(said, rd))
	if why != "" && out != "" {
		why += ": " + out
	}
	return out, why
}

// wait returns how the process failed, empty if it succeeded.
func (p Prober) wait(ctx context.Context, child *proc.Proc) string {
	select {
	case ws := <-child.Done:
		if ws.Exited() && ws.ExitStatus() == 0 {
			return ""
		}
		return supervise.Describe(ws)
	case <-ctx.Done():
	}
	_ = child.SignalGroup(unix.SIGKILL) // it is not reaped before Done is read
	select {
	case <-child.Done:
	case <-time.After(killWait):
	}
	return "killed, because it was not done in time"
}

func (p Prober) leaf() (*os.File, error) {
	if p.Cgroup == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp(p.Cgroup, "health-")
	if err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// clear kills everything in the cgroup, also in other sessions, and removes it.
func (p Prober) clear(leaf *os.File) {
	if leaf == nil {
		return
	}
	defer leaf.Close()
	_ = os.WriteFile(filepath.Join(leaf.Name(), "cgroup.kill"), []byte("1"), 0o600) // since Linux 5.14
	for end := time.Now().Add(killWait); os.Remove(leaf.Name()) != nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // it is busy until all of it is reaped
	}
}

// last waits for the output's end, but not for ever: without a cgroup a process in another session may hold the pipe.
func last(said <-chan string, rd *os.File) string {
	select {
	case out := <-said:
		return out
	case <-time.After(readWait):
		rd.Close()
		return <-said
	}
}

// tail reads everything and returns the end.
func tail(rd io.Reader) string {
	var kept []byte
	buf := make([]byte, 4096)
	for {
		n, err := rd.Read(buf)
		kept = append(kept, buf[:n]...)
		if len(kept) > 2*maxOutput {
			kept = append([]byte(nil), kept[len(kept)-maxOutput:]...)
		}
		if err != nil {
			return string(kept)
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
