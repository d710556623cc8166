package aftergood

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/pstore"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// boots is a slot that becomes good at noon; each letter is how one of its boots ends and the next begins an hour later:
// shutdown, reset by the watchdog, panic, or lost.
func boots(ends string, change func(*Boot)) (r *Record, whys []string) {
	r = &Record{Slot: layout.B, Root: "cafe", Good: noon}
	for i, end := range ends {
		b := Boot{Slot: layout.B, Root: "cafe", Now: noon.Add(time.Duration(i+1) * time.Hour)}
		r.Orderly = end == 's'
		switch end {
		case 'w':
			b.Cause = Watchdog
		case 'p', 'P': // P: before it was noted that the slot runs
			b.Cause, b.Lost = "the kernel panicked: Oops", true
			r.Orderly = end == 'P'
		}
		if change != nil {
			change(&b)
		}
		var why string
		if r, why = r.Started(b); why != "" {
			whys = append(whys, why)
		}
		if r == nil {
			break
		}
	}
	return r, whys
}

func TestStarted(t *testing.T) {
	for name, c := range map[string]struct {
		ends    string
		change  func(*Boot)
		why     string
		watched bool
	}{
		"shutdowns only":            {"ssssssss", nil, "", true},
		"one power cut":             {"l", nil, "", true},
		"two power cuts":            {"lsslss", nil, "", true},
		"three":                     {"lslsl", nil, "the machine stopped 3 times without a shutdown within 5h0m0s after the slot was marked good", true},
		"watchdog":                  {"w", nil, "the watchdog reset the machine, found 1h0m0s after the slot was marked good", true},
		"panic":                     {"ssp", nil, "the kernel panicked: Oops, found 3h0m0s after the slot was marked good", true},
		"panic before anything":     {"ssP", nil, "the kernel panicked: Oops, found 3h0m0s after the slot was marked good", true},
		"a day later":               {"w", func(b *Boot) { b.Now = noon.Add(Window) }, "", false},
		"just before":               {"w", func(b *Boot) { b.Now = noon.Add(Window - time.Second) }, "the watchdog reset the machine, found 23h59m59s after the slot was marked good", true},
		"the clock was set back":    {"w", func(b *Boot) { b.Now = noon.Add(-time.Hour) }, "the watchdog reset the machine, found 0s after the slot was marked good", true},
		"the other slot runs":       {"w", func(b *Boot) { b.Slot = layout.A }, "", false},
		"another system":            {"w", func(b *Boot) { b.Root = "f00d" }, "", false},
		"on trial again":            {"w", func(b *Boot) { b.Trial = true }, "", false},
		"cause, but after shutdown": {"s", func(b *Boot) { b.Cause = Watchdog }, "", true}, // some drivers restart the machine by their watchdog
	} {
		r, whys := boots(c.ends, c.change)
		if strings.Join(whys, "|") != c.why || (r != nil) != c.watched {
			t.Errorf("%s: %q, %+v; want %q", name, whys, r, c.why)
		}
		if r != nil && r.Orderly {
			t.Errorf("%s: a machine that runs has not ended in order", name)
		}
	}
	if r, whys := boots(strings.Repeat("l", 22), nil); len(r.Ends) != maxEnds || len(whys) != 20 {
		t.Errorf("%d ends kept, given up %d times", len(r.Ends), len(whys))
	}
}

// TestNeverWithout: without an unclear end nothing is given up, whatever else is known, and one that was is told.
func TestNeverWithout(t *testing.T) {
	for n := range 1 << 6 {
		ends := ""
		for i := range 6 {
			ends += string("sl"[n>>i&1])
		}
		r, whys := boots(ends, nil)
		if lost := strings.Count(ends, "l"); (len(whys) > 0) != (lost >= Most) || (r.Text() != "") != (lost > 0) {
			t.Errorf("%s: %q, %q", ends, whys, r.Text())
		}
	}
}

func TestText(t *testing.T) {
	r, _ := boots("sl", nil)
	if got := r.Text(); got != "slot b is new, and since it was marked good the machine stopped without a shutdown before 2026-01-02 14:00 UTC; after 3 of these within 24 h slot a takes over, if it can" {
		t.Error(got)
	}
}

// clocks are those of a machine: the time since its kernel started, and the one that is set.
type clocks struct {
	since time.Duration
	wall  time.Time
}

func (c *clocks) pass(d time.Duration) { c.since, c.wall = c.since+d, c.wall.Add(d) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeeper: the record over boots, in a file.
func TestKeeper(t *testing.T) {
	file, c := filepath.Join(t.TempDir(), File), &clocks{wall: noon}
	there := func() bool { _, err := os.Stat(file); return err == nil }
	start := func(cause string) (*Keeper, string) {
		c.since = time.Minute
		k := Open(file, os.WriteFile, func() time.Duration { return c.since })
		why, err := k.Started(Boot{Slot: layout.B, Root: "cafe", Now: c.wall, Cause: cause})
		must(t, err)
		return k, why
	}
	k, why := start(Watchdog)
	if must(t, k.Ended()); why != "" || k.Look(c.wall) != nil || there() || k.Text() != "" {
		t.Errorf("nothing is watched: %q", why)
	}
	must(t, k.Good(layout.B, "cafe", c.wall))
	c.pass(time.Hour)
	must(t, k.Ended())
	k, why = start(Watchdog)
	if since, watched := k.Watched(); why != "" || !there() || !watched || !since.Equal(noon) {
		t.Errorf("after a shutdown: %q", why)
	}
	c.pass(time.Hour)
	if k, why = start(""); why != "" || !strings.Contains(k.Text(), "without a shutdown") {
		t.Errorf("one end: %q, %q", why, k.Text())
	}
	c.pass(21 * time.Hour)
	if must(t, k.Look(c.wall)); !there() {
		t.Error("23 hours are a day")
	}
	c.pass(time.Hour)
	if must(t, k.Look(c.wall)); there() || k.Text() != "" {
		t.Error("after a day it is still watched")
	}
	must(t, os.WriteFile(file, []byte("{half"), 0o600))
	if _, why := start(Watchdog); why != "" {
		t.Errorf("half a file: %q", why)
	}
}

// TestClockIsSet: a machine without a clock chip learns the time after its slot was good, or loses it with a power cut; the
// day is neither over at once nor does it last for years.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{300 * Window, -300 * Window, 0} {
		file, c := filepath.Join(t.TempDir(), File), &clocks{wall: noon}
		k := Open(file, os.WriteFile, func() time.Duration { return c.since })
		must(t, k.Good(layout.B, "cafe", c.wall))
		c.pass(time.Hour)
		c.wall = c.wall.Add(by)
		must(t, k.Look(c.wall))
		c.pass(time.Hour)
		k = Open(file, os.WriteFile, func() time.Duration { return c.since })
		if why, err := k.Started(Boot{Slot: layout.B, Root: "cafe", Now: c.wall, Cause: Watchdog}); err != nil || !strings.Contains(why, "found 2h0m0s after") {
			t.Errorf("set by %s: %q, %v", by, why, err)
		}
		c.wall = c.wall.Add(by)
		c.pass(21*time.Hour + 59*time.Minute)
		if must(t, k.Look(c.wall)); k.Text() == "" {
			t.Errorf("set by %s: no longer watched", by)
		}
		c.pass(time.Minute)
		if must(t, k.Look(c.wall)); k.Text() != "" {
			t.Errorf("set by %s: still watched", by)
		}
	}
}

// TestCause: what the kernel kept of a panic since the slot was good says more than a watchdog.
func TestCause(t *testing.T) {
	dump := pstore.Dump{When: noon, Panic: "Attempted to kill init! exitcode=0x00000100"}
	for name, c := range map[string]struct {
		kept  []pstore.Dump
		reset bool
		since time.Time
		want  string
		lost  bool
	}{
		"nothing":            {nil, false, noon, "", false},
		"watchdog":           {nil, true, noon, Watchdog, false},
		"panic":              {[]pstore.Dump{dump}, true, noon.Add(-time.Hour), "the kernel panicked: Attempted to kill init! exitcode=0x00000100", true},
		"an oops":            {[]pstore.Dump{{When: noon}}, false, noon, "", false},
		"before it was good": {[]pstore.Dump{dump}, false, noon.Add(time.Hour), "", false},
	} {
		if got, lost := Cause(pstore.Store{Dumps: c.kept}, c.reset, c.since); got != c.want || lost != c.lost {
			t.Errorf("%s: %q, %t", name, got, lost)
		}
	}
}
