// Package meter shows the progress of a step to whoever waits for it. It measures nothing itself.
package meter

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Meter shows the progress of a step: on a terminal in one line that is redrawn, elsewhere as a line for each tenth.
type Meter struct {
	out   io.Writer
	live  bool
	now   func() time.Time
	step  string
	since time.Time
	drew  time.Time
	tenth int64
}

// New returns a meter for an output, which may be a terminal.
func New(out io.Writer) *Meter { return &Meter{out: out, live: terminal(out), now: time.Now} }

func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

const (
	redraw = 200 * time.Millisecond
	mib    = 1 << 20
)

// Tick is called with the step that runs, and how much of it is done.
func (m *Meter) Tick(step string, done, total int64) {
	now := m.now()
	if step != m.step {
		m.End()
		m.step, m.since, m.drew, m.tenth = step, now, time.Time{}, 0
	}
	tenth := 10 * done / max(total, 1)
	switch {
	case m.live && (done == total || now.Sub(m.drew) >= redraw):
		m.drew = now
		fmt.Fprintf(m.out, "\r%s\x1b[K", m.line(now, done, total))
	case !m.live && tenth > m.tenth:
		fmt.Fprintln(m.out, m.line(now, done, total))
	}
	m.tenth = tenth
}

func (m *Meter) line(now time.Time, done, total int64) string {
	text := fmt.Sprintf("%-16s %3d %%  %d of %d MiB", m.step, 100*done/max(total, 1), done/mib, total/mib)
	if took := now.Sub(m.since).Seconds(); took > 0.5 {
		text += fmt.Sprintf("  %.1f MiB/s", float64(done)/mib/took)
	}
	return text
}

// End finishes the line on a terminal.
func (m *Meter) End() {
	if m.live && m.step != "" {
		fmt.Fprintln(m.out)
	}
	m.step = ""
}
