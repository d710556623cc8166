package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/init/fetch"
)

// process is a running proa-fetch. Its standard input stays open: the program ends when that is closed, so that it does
// not outlive its reader, however that ends.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	said   *tail
	stop   context.CancelFunc
	once   sync.Once
	waited error
}

func start(ctx context.Context, argv, env []string, request []byte) (*process, error) {
	ctx, stop := context.WithCancel(ctx)
	p := &process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), said: &tail{}, stop: stop}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr, p.cmd.WaitDelay = append([]string{}, env...), "/", p.said, time.Second
	if os.Geteuid() == 0 {
		p.cmd.SysProcAttr = fetch.As(argv)
	}
	var err1, err2 error
	p.in, err1 = p.cmd.StdinPipe()
	p.out, err2 = p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		stop()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		stop()
		return nil, err
	}
	if _, err := p.in.Write(request); err != nil {
		p.kill()
		return nil, fmt.Errorf("proa-fetch: %w", err)
	}
	return p, nil
}

// ended waits for the program, whose output has ended, and returns why it did not pass on the whole answer.
func (p *process) ended() error {
	err := p.wait()
	if err == nil {
		return nil
	}
	if why := printable(strings.TrimPrefix(string(p.said.text), "proa-fetch: ")); why != "" {
		return errors.New(why)
	}
	return fmt.Errorf("proa-fetch: %w", err)
}

func (p *process) wait() error {
	p.once.Do(func() {
		p.waited = p.cmd.Wait()
		p.in.Close() // it has ended
		p.stop()
	})
	return p.waited
}

func (p *process) kill() {
	p.stop()
	_ = p.wait() // killed
}

// tail keeps the beginning of what a program says.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	const enough = 1 << 10
	t.text = append(t.text, b[:min(len(b), enough-len(t.text))]...)
	return len(b), nil
}
