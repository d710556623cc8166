package cli

import (
	"fmt"
	"io"
	"time"
)

// meter shows the progress of a step: on a terminal in one line that is redrawn, elsewhere as a line for each tenth.
type meter struct {
	out   io.Writer
	live  bool
	now   func() time.Time
	step  string
	since time.Time
	drew  time.Time
	tenth int64
}

const (
	redraw = 200 * time.Millisecond
	mib    = 1 << 20
)

func (m *meter) tick(step string, done, total int64) {
	now := m.now()
	if step != m.step {
		m.end()
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

func (m *meter) line(now time.Time, done, total int64) string {
	text := fmt.Sprintf("%-16s %3d %%  %d of %d MiB", m.step, 100*done/max(total, 1), done/mib, total/mib)
	if took := now.Sub(m.since).Seconds(); took > 0.5 {
		text += fmt.Sprintf("  %.1f MiB/s", float64(done)/mib/took)
	}
	return text
}

// end finishes the line on a terminal.
func (m *meter) end() {
	if m.live && m.step != "" {
		fmt.Fprintln(m.out)
	}
	m.step = ""
}
