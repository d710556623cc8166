// Package progress shows the running steps: live lines with elapsed time and bars on a terminal, one line per event
// elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/proa-os/proa/images/disks"
)

// Display is a graph.Observer.
type Display struct {
	out  io.Writer
	live bool
	now  func() time.Time
	mu   sync.Mutex
	rows []*row // running steps in the order they started
	tall int    // number of lines drawn last time
	quit chan struct{}
	gone chan struct{}
}

type row struct {
	step        string
	since       time.Time
	done, total int64
}

// New shows progress on f.
func New(f *os.File) *Display {
	d := &Display{out: f, live: term.IsTerminal(int(f.Fd())), now: time.Now, quit: make(chan struct{}), gone: make(chan struct{})}
	go d.tick()
	return d
}

// Close clears the live lines.
func (d *Display) Close() {
	close(d.quit)
	<-d.gone
}

func (d *Display) tick() {
	defer close(d.gone)
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for d.live {
		select {
		case <-d.quit:
			d.print("")
			return
		case <-t.C:
			d.print("")
		}
	}
	<-d.quit
}

// Start adds a step and why it runs; reasons that do not fit are omitted.
func (d *Display) Start(step string, why []string) {
	if n := len(why); n > 3 {
		why = append(why[:2:2], fmt.Sprintf("and %d more", n-2))
	}
	d.mu.Lock()
	d.rows = append(d.rows, &row{step: step, since: d.now()})
	d.mu.Unlock()
	d.print(fmt.Sprintf("  %-22s %s\n", step, strings.Join(why, "; ")))
}

// Progress updates a step's bar.
func (d *Display) Progress(step string, done, total int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rows {
		if r.step == step {
			r.done, r.total = done, total
		}
	}
}

// Done finishes a step's line.
func (d *Display) Done(step string, took time.Duration, err error) {
	d.mu.Lock()
	for i, r := range d.rows {
		if r.step == step {
			d.rows = append(d.rows[:i:i], d.rows[i+1:]...)
			break
		}
	}
	d.mu.Unlock()
	mark := "✓"
	if err != nil {
		mark = "✗"
	}
	d.print(fmt.Sprintf("%s %-22s %s\n", mark, step, Seconds(took)))
}

// print writes a finished line above the live ones and redraws those.
func (d *Display) print(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	if d.tall > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", d.tall)
	}
	b.WriteString(line)
	d.tall = 0
	if d.live {
		for _, r := range d.rows {
			fmt.Fprintf(&b, "… %-22s %7s %s\n", r.step, Seconds(d.now().Sub(r.since)), r.bar())
			d.tall++
		}
	}
	// Ignore errors: a closed terminal must not stop a build.
	_, _ = io.WriteString(d.out, b.String())
}

const barWidth = 24

func (r *row) bar() string {
	if r.total <= 0 {
		return ""
	}
	full := int(min(r.done, r.total) * barWidth / r.total)
	return fmt.Sprintf("[%s%s] %s / %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), Bytes(r.done), Bytes(r.total))
}

// Seconds formats a duration for users.
func Seconds(t time.Duration) string {
	switch {
	case t < time.Second:
		return fmt.Sprintf("%dms", t.Milliseconds())
	case t < time.Minute:
		return fmt.Sprintf("%.1fs", t.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(t.Minutes()), int(t.Seconds())%60)
}

// Bytes formats a size in binary units.
func Bytes(n int64) string { return disks.Bytes(n) }
