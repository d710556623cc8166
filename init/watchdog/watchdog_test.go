package watchdog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/cmdline"
)

func dog(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func eaten(t *testing.T, path string) string {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// TestOff: no watchdog is opened before the command line can be read, nor if that has proa.watchdog=off.
func TestOff(t *testing.T) {
	for line, want := range map[string]string{"quiet " + cmdline.NoWatchdog + "\n": "", "quiet proa.watchdog=offf\n": "\x00"} {
		dir := t.TempDir()
		path, file := dog(t, dir, "watchdog0"), filepath.Join(dir, "cmdline")
		d := In(dir).Heed(file)
		if err := d.Feed(); err != nil || eaten(t, path) != "" {
			t.Errorf("fed %q before the command line was there, %v", eaten(t, path), err)
		}
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Feed(); err != nil || eaten(t, path) != want {
			t.Errorf("%q: fed %q, %v", line, eaten(t, path), err)
		}
	}
}

// TestReset: what does not answer as a watchdog does tells of no reset. One that does is asked by TestAfterGood in build/e2e.
func TestReset(t *testing.T) {
	dir := t.TempDir()
	dog(t, dir, "watchdog0")
	d := In(dir)
	if d.Reset() || (*Dogs)(nil).Reset() {
		t.Error("nothing is open")
	}
	if err := d.Feed(); err != nil || d.Reset() {
		t.Errorf("a file: %v", err)
	}
}

// TestFeed: each feed writes one byte, and never the magic close character V.
func TestFeed(t *testing.T) {
	dir := t.TempDir()
	path := dog(t, dir, "watchdog0") // a plain file refuses the timeout, as some hardware does
	d := In(dir)
	for range 3 {
		if err := d.Feed(); err != nil {
			t.Fatal(err)
		}
	}
	if got := eaten(t, path); got != "\x00\x00\x00" {
		t.Errorf("%q", got)
	}
	late := dog(t, dir, "watchdog1") // its driver was loaded later
	if err := d.Feed(); err != nil || eaten(t, late) != "\x00" || d.Count() != 2 {
		t.Errorf("%v, %q, %d watchdogs", err, eaten(t, late), d.Count())
	}
}

// TestTrouble: an error of one watchdog does not affect the other, and is returned once.
func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	path := dog(t, dir, "watchdog1")
	if err := os.Mkdir(filepath.Join(dir, "watchdog0"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := In(dir)
	if err := d.Feed(); err == nil || !strings.Contains(err.Error(), "watchdog0") {
		t.Errorf("a directory passes for a watchdog: %v", err)
	}
	if err := d.Feed(); err != nil {
		t.Errorf("said twice: %v", err)
	}
	if got := eaten(t, path); got != "\x00\x00" {
		t.Errorf("the other was fed %q", got)
	}
}

// TestNone: a machine without a watchdog is no error.
func TestNone(t *testing.T) {
	for _, d := range []*Dogs{nil, In(t.TempDir())} {
		if err := d.Feed(); err != nil || d.Count() != 0 {
			t.Error(err, d.Count())
		}
	}
	var g *Guard // without watchdogs there is no guard
	g.Begin("x", 0)
	g.Patient()
	g.Start()
	g.End()
}

// TestInterval: one feed may be late, and one lost, before the hardware resets the machine.
func TestInterval(t *testing.T) {
	if Interval*4 > Timeout {
		t.Errorf("fed every %s, strikes after %s", Interval, Timeout)
	}
}

// TestGuard: the guard feeds while a step is within its limit, and not afterwards, even if the step ends; after Patient
// it feeds forever.
func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name    string
		patient bool
		after   []time.Duration // times since the step began
		fed     int
		late    bool
	}{
		{"within", false, []time.Duration{0, time.Second, 59 * time.Second}, 3, false},
		{"beyond", false, []time.Duration{time.Second, 61 * time.Second, time.Hour}, 1, true},
		{"late stays late", false, []time.Duration{61 * time.Second, time.Second}, 0, true},
		{"patient", true, []time.Duration{time.Second, time.Hour, 1000 * time.Hour}, 3, false},
	} {
		dir := t.TempDir()
		path := dog(t, dir, "watchdog0")
		said := make(chan string, 9)
		g := &Guard{Dogs: In(dir), Late: func(step string, limit time.Duration) { said <- step + " " + limit.String() }}
		g.Begin("data", time.Minute)
		if c.patient {
			g.Patient()
		}
		began := time.Now()
		for _, a := range c.after {
			g.tick(began.Add(a))
		}
		if got := len(eaten(t, path)); got != c.fed {
			t.Errorf("%s: fed %d times, want %d", c.name, got, c.fed)
		}
		if c.late {
			if got := <-said; got != "data 1m0s" {
				t.Errorf("%s: %q", c.name, got)
			}
		}
		time.Sleep(10 * time.Millisecond)
		if len(said) != 0 {
			t.Errorf("%s: said again, or without cause: %s", c.name, <-said)
		}
	}
}

// TestGuardRuns: the first feed is at once, because the watchdog may be running already; after End there is none.
func TestGuardRuns(t *testing.T) {
	dir := t.TempDir()
	path := dog(t, dir, "watchdog0")
	g := &Guard{Dogs: In(dir)}
	g.Start()
	g.End()
	if got := eaten(t, path); got != "\x00" {
		t.Errorf("%q", got)
	}
}
