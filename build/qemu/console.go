package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// ErrStalled is a fault of the emulator: QEMU 10 under TCG with more than one CPU loses a CPU's timer interrupt about
// once in thirty boots, more often on a busy host, and that CPU sleeps forever. Start the machine again.
var ErrStalled = errors.New("the guest kernel reports a stalled CPU (rcu: detected stalls), a fault of the emulator; start the machine again")

// stallLine is Linux's message about a stalled CPU; it repeats. A single one may come from a slow host.
const (
	stallLine   = "rcu_preempt detected stalls"
	stallsFatal = 2
)

// console stores the lines a machine prints and wakes those who wait for one.
type console struct {
	copy    io.Writer // may be nil
	mu      sync.Mutex
	lines   []string
	partial strings.Builder
	changed chan struct{} // closed and replaced at each change
	ended   bool
	stalls  int
}

func newConsole(copy io.Writer) *console {
	return &console{copy: copy, changed: make(chan struct{})}
}

// Write takes QEMU's output; a line is stored once it is complete.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copy != nil {
		_, _ = c.copy.Write(p) // ignore errors: a closed terminal must not stop the machine
	}
	for _, b := range p {
		if b != '\n' {
			c.partial.WriteByte(b)
			continue
		}
		line := strings.TrimRight(c.partial.String(), "\r")
		if c.lines = append(c.lines, line); strings.Contains(line, stallLine) {
			c.stalls++
		}
		c.partial.Reset()
	}
	c.wake()
	return len(p), nil
}

func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.wake()
}

func (c *console) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *console) wait(ctx context.Context, text string, from int) (string, error) {
	for {
		line, next, changed, ended := c.find(text, from)
		if line != "" {
			return line, nil
		}
		from = next
		if c.stalled() {
			return "", fmt.Errorf("waiting for %q: %w", text, ErrStalled)
		}
		if ended {
			return "", fmt.Errorf("machine ended before it printed %q; last lines:\n%s", text, c.tail(30))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for %q: %w; last lines:\n%s", text, context.Cause(ctx), c.tail(30))
		}
	}
}

func (c *console) find(text string, from int) (line string, next int, changed chan struct{}, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; from < len(c.lines); from++ {
		if strings.Contains(c.lines[from], text) {
			return c.lines[from], from, c.changed, c.ended
		}
	}
	return "", from, c.changed, c.ended
}

func (c *console) stalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalls >= stallsFatal
}

func (c *console) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

func (c *console) text() string { return c.tail(1 << 30) }

func (c *console) tail(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := append(append([]string{}, c.lines...), c.partial.String())
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
