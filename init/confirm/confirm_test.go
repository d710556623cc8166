package confirm

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/bootfile"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestLook: a look each 5 seconds at a machine whose state is a function of the time.
func TestLook(t *testing.T) {
	all, m := Holds{true, true, true, true}, time.Minute
	for name, c := range map[string]struct {
		before Holds
		boots  int
		have   func(at time.Duration) Holds
		at     time.Duration
		why    string
	}{
		"nobody confirms":        {all, 0, func(time.Duration) Holds { return all }, 10 * m, "nobody confirmed it within 10m0s"},
		"no route from now on":   {all, 0, func(time.Duration) Holds { return Holds{false, true, true, false} }, m, "default route: lost for 1m0s"},
		"only IPv6 is left":      {all, 0, func(time.Duration) Holds { return Holds{true, true, true, false} }, m, "IPv4 default route: lost for 1m0s"},
		"only IPv6 before":       {Holds{true, true, true, false}, 0, func(time.Duration) Holds { return Holds{true, true, true, false} }, 10 * m, "nobody confirmed it within 10m0s"},
		"no SSH after 2 minutes": {all, 0, func(at time.Duration) Holds { return Holds{true, at < 2*m, true, true} }, 3*m - 5*time.Second, "SSH server: lost for 1m0s"},
		"not Ready":              {all, 0, func(time.Duration) Holds { return Holds{true, true, false, true} }, 5 * m, "node Ready: lost for 5m0s"},
		"was not Ready before":   {Holds{true, true, false, true}, 0, func(time.Duration) Holds { return Holds{true, true, false, true} }, 10 * m, "nobody confirmed it within 10m0s"},
		"nothing held before":    {Holds{}, 0, func(time.Duration) Holds { return Holds{} }, 10 * m, "nobody confirmed it within 10m0s"},
		"a route that flaps":     {all, 0, func(at time.Duration) Holds { return Holds{at%m < 30*time.Second, true, true, at%m < 30*time.Second} }, 10 * m, "nobody confirmed it within 10m0s"},
		"after a restart":        {all, 1, func(at time.Duration) Holds { return Holds{at > 2*m, at > 2*m, at > 8*m, at > 2*m} }, 10 * m, "nobody confirmed it within 10m0s"},
		"no route after restart": {all, 1, func(time.Duration) Holds { return Holds{false, true, true, false} }, 3 * m, "default route: lost for 3m0s"},
		"lost after restart":     {all, 1, func(at time.Duration) Holds { return Holds{at < m, true, true, at < m} }, 2*m - 5*time.Second, "default route: lost for 1m0s"},
	} {
		trial := New([]byte("x"), 10*m, c.before, noon)
		trial.Boots = c.boots
		w, at, why := Begin(trial, noon), time.Duration(0), ""
		for ; why == "" && at <= time.Hour; at += 5 * time.Second {
			w, why = Look(w, trial, at, c.have(at))
		}
		if at -= 5 * time.Second; at != c.at || why != c.why {
			t.Errorf("%s: after %s %q, want after %s %q", name, at, why, c.at, c.why)
		}
	}
}

// TestAtBoot: one start with the new configuration, within the time; the clock cannot prolong it.
func TestAtBoot(t *testing.T) {
	trial := New([]byte("x"), 10*time.Minute, Holds{}, noon)
	for name, c := range map[string]struct {
		boots int
		now   time.Time
		why   string
		left  time.Duration
	}{
		"in time":              {0, noon.Add(4 * time.Minute), "", 6 * time.Minute},
		"too late":             {0, noon.Add(10 * time.Minute), "nobody confirmed it within 10m0s", 0},
		"second time":          {1, noon.Add(time.Minute), "the machine was started with it", 0},
		"the clock lost power": {0, noon.Add(-1000 * time.Hour), "", 10 * time.Minute},
	} {
		trial.Boots = c.boots
		got, why := AtBoot(trial, c.now)
		if !strings.HasPrefix(why, c.why) || (why == "") != (c.why == "") || why == "" && (got.Boots != c.boots+1 || got.Left(c.now) != c.left) {
			t.Errorf("%s: %+v, %q, %s left", name, got, why, got.Left(c.now))
		}
	}
}

// TestFiles: while a trial runs the configuration's own file has the old text; a damaged file is no trial.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	p := bootfile.Place{Dir: dir, Flush: func(string) error { return nil }}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(name string) string { b, _ := os.ReadFile(filepath.Join(dir, name)); return string(b) }
	trial := New([]byte("new\x00\xff"), time.Hour, Holds{Route: true}, noon)
	trial.Text = "new: <&>\n"
	if err := Save(p, trial); err != nil || text("config.yaml") != "old" {
		t.Fatal(err)
	}
	if got, err := Load(dir); err != nil || !reflect.DeepEqual(*got, trial) {
		t.Errorf("%v, %+v", err, got)
	}
	if err := PutBack(p, trial, "x"); err != nil || text("config.yaml") != "old" || text(Rejected) != "# taken back: x\nnew: <&>\n" {
		t.Errorf("%v, %q", err, text(Rejected))
	}
	if got, err := Load(dir); got != nil || err != nil {
		t.Errorf("after it was put back: %+v, %v", got, err)
	}
	if err := errors.Join(Save(p, trial), Accept(p, trial, "config.yaml", "config.yaml.good")); err != nil || text("config.yaml") != trial.Text || text("config.yaml.good") != "old" || text(File) != "" {
		t.Errorf("%v, %q", err, text("config.yaml"))
	}
	for _, broken := range []string{"", "{", "{}", "\x00\x00"} {
		if err := os.WriteFile(filepath.Join(dir, File), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(dir); got != nil || err == nil {
			t.Errorf("%q: %+v, %v", broken, got, err)
		}
	}
}

// TestEveryCut: whenever the power is cut while a trial is begun, accepted or put back, the next boot finds the old text,
// or the new one on trial, which reverts; once it is accepted, the new one.
func TestEveryCut(t *testing.T) {
	trial := New([]byte("new"), time.Hour, Holds{}, noon)
	for name, c := range map[string]struct {
		begun bool
		do    func(bootfile.Place) error
		done  string
	}{
		"begin":    {false, func(p bootfile.Place) error { return Save(p, trial) }, "new on trial"},
		"accept":   {true, func(p bootfile.Place) error { return Accept(p, trial, "config.yaml", "config.yaml.good") }, "new"},
		"put back": {true, func(p bootfile.Place) error { return PutBack(p, trial, "x") }, "old"},
	} {
		for cut := 0; ; cut++ {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("old"), 0o600))
			whole := bootfile.Place{Dir: dir, Flush: func(string) error { return nil }}
			if c.begun {
				must(t, Save(whole, trial))
			}
			flushes := 0
			err := c.do(bootfile.Place{Dir: dir, Flush: func(string) error {
				if flushes++; flushes > cut {
					return errors.New("power cut")
				}
				return nil
			}})
			found, loadErr := Load(dir)
			b, readErr := os.ReadFile(filepath.Join(dir, "config.yaml"))
			must(t, errors.Join(loadErr, readErr))
			got := string(b)
			if found != nil {
				got = found.Text + " on trial"
			}
			if got != "old" && got != "new on trial" && (got != "new" || name != "accept") {
				t.Errorf("%s, cut at flush %d: the next boot finds %q", name, cut, got)
			}
			if err == nil {
				if got != c.done || cut == 0 {
					t.Errorf("%s: %q after %d flushes", name, got, cut)
				}
				break
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
