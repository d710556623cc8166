package flash

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
)

func TestBar(t *testing.T) {
	for _, live := range []bool{true, false} {
		var out bytes.Buffer
		now := time.Unix(1000, 0)
		b := &bar{out: &out, live: live, now: func() time.Time { return now }, step: "write sdd", total: 1200 * layout.MiB, since: now}
		b.tick(0)
		now = now.Add(10 * time.Second)
		b.tick(300 * layout.MiB)
		b.tick(301 * layout.MiB) // too soon to redraw
		if want := "[██████······"; strings.Contains(out.String(), want) != live || strings.Contains(out.String(), "30.0 MiB/s, 30.0s left") != live {
			t.Errorf("live %v: %q", live, out.String())
		}
		out.Reset()
		now = now.Add(30 * time.Second)
		b.tick(1200 * layout.MiB)
		b.done(nil)
		if want := "✓ write sdd                40.0s 30.0 MiB/s\n"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("live %v: %q", live, out.String())
		}
		b.tick(600 * layout.MiB)
		out.Reset()
		b.done(errors.New("x"))
		if got := out.String(); !strings.HasSuffix(got, "✗ write sdd                40.0s 15.0 MiB/s\n") {
			t.Errorf("%q", got)
		}
	}
}
