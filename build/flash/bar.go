package flash

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/proa-os/proa/build/progress"
)

// bar is a progress bar as in build/progress, with the transfer rate.
type bar struct {
	out         io.Writer
	live        bool
	now         func() time.Time
	step        string
	total, last int64
	since, drew time.Time
}

func newBar(f *os.File, step string, total int64) *bar {
	b := &bar{out: f, live: term.IsTerminal(int(f.Fd())), now: time.Now, step: step, total: total}
	b.since = b.now()
	return b
}

const (
	barWidth = 24
	redraw   = 100 * time.Millisecond
)

// tick updates the bar.
func (b *bar) tick(done int64) {
	b.last = done
	now := b.now()
	if !b.live || now.Sub(b.drew) < redraw {
		return
	}
	b.drew = now
	full := int(min(done, b.total) * barWidth / b.total)
	fmt.Fprintf(b.out, "\r… %-22s %7s [%s%s] %s / %s  %s%s\x1b[K", b.step, progress.Seconds(now.Sub(b.since)),
		strings.Repeat("█", full), strings.Repeat("·", barWidth-full), progress.Bytes(done), progress.Bytes(b.total), b.rate(now), b.left(now))
}

// done finishes the line.
func (b *bar) done(err error) {
	mark, now := "✓", b.now()
	if err != nil {
		mark = "✗"
	}
	if b.live {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
	fmt.Fprintf(b.out, "%s %-22s %7s %s\n", mark, b.step, progress.Seconds(now.Sub(b.since)), b.rate(now))
}

// rate is empty until there is one.
func (b *bar) rate(now time.Time) string {
	took := now.Sub(b.since)
	if b.last == 0 || took < redraw {
		return ""
	}
	return progress.Bytes(int64(float64(b.last)/took.Seconds())) + "/s"
}

func (b *bar) left(now time.Time) string {
	if b.last == 0 {
		return ""
	}
	left := time.Duration(float64(now.Sub(b.since)) * float64(b.total-b.last) / float64(b.last))
	if left < time.Second {
		return ""
	}
	return ", " + progress.Seconds(left) + " left"
}
