// Package console writes lines to every active kernel console and to the kernel log. It never blocks: a terminal that
// is stopped or gone must not block PID 1, so lines are dropped if the queue is full.
package console

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Console is the set of the kernel's consoles.
type Console struct {
	Root string // prefix of the terminals' files; "" on a machine

	mu    sync.Mutex
	sinks []sink
	kmsg  *os.File
}

type sink struct {
	lines chan string
	idle  chan struct{}
}

// Open finds the consoles. Before /dev and /sys are mounted there may be none; call Reopen later.
func Open() *Console {
	c := &Console{}
	c.Reopen()
	return c
}

// Names returns the names of the kernel's active consoles, such as tty0 and ttyS0; none before /sys is mounted. root is the
// prefix of the path.
func Names(root string) []string {
	active, _ := os.ReadFile(root + "/sys/class/tty/console/active")
	return strings.Fields(string(active))
}

// Reopen looks for the consoles again.
func (c *Console) Reopen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sinks) > 0 {
		return
	}
	for _, name := range Names(c.Root) {
		path := c.Root + "/dev/" + name
		if f, err := open(path); err == nil {
			c.sinks = append(c.sinks, start(f, path))
		}
	}
	if f, err := os.OpenFile(c.Root+"/dev/kmsg", os.O_WRONLY, 0); err == nil {
		c.kmsg = f
	}
}

func open(path string) (*os.File, error) { return os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY, 0) }

// start writes lines to a terminal. When a login on it ends, the kernel hangs up the terminal: whoever has it open gets
// EIO from then on, and has to open it again (tty_vhangup_session in drivers/tty/tty_io.c).
func start(f *os.File, path string) sink {
	s := sink{lines: make(chan string, 512), idle: make(chan struct{})}
	go func() {
		for line := range s.lines {
			if line == "" {
				s.idle <- struct{}{}
				continue
			}
			if _, err := f.WriteString(line); err == nil {
				continue
			}
			if again, err := open(path); err == nil {
				f.Close()
				f = again
				_, _ = f.WriteString(line) // there is nowhere to report this error
			}
		}
	}()
	return s
}

// Logf writes one line, "proa: …".
func (c *Console) Logf(format string, args ...any) {
	text := "proa: " + strings.ReplaceAll(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n", "\n    ")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sinks {
		select {
		case s.lines <- text + "\r\n":
		default:
		}
	}
	if c.kmsg != nil {
		// <7>: into the kernel log, without being printed on the consoles again
		_, _ = c.kmsg.WriteString("<7>" + text + "\n")
	}
}

// Flush waits a limited time until the queue is written.
func (c *Console) Flush() {
	deadline := time.After(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sinks {
		select {
		case s.lines <- "":
		case <-deadline:
			return
		}
		select {
		case <-s.idle:
		case <-deadline:
			return
		}
	}
}
