package slot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// startBroken boots the machine until a slot runs that is not broken, or until a broken one has no fallback; a broken
// one gives itself up in stage 1.
func startBroken(t *testing.T, c tested, dir string, broken ...layout.Slot) (runs layout.Slot, order string) {
	t.Helper()
	for range 10 {
		s := c.boot(t, c, dir)
		order += string(s)
		bad := false
		for _, b := range broken {
			bad = bad || b == s
		}
		if !bad {
			return s, order
		}
		if err := c.open(t, dir, s).GiveUp(); errors.Is(err, ErrNoOther) {
			return layout.Shared, order
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s: goes to and fro for ever: %s", c.name, order)
	return
}

// TestBrokenGoodSlot: if a good slot is damaged, one boot fails; from then on the other slot runs and reports why. With
// two damaged slots the machine halts.
func TestBrokenGoodSlot(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		histories()[4].make(t, c, dir) // b is good, a was good before
		both := t.TempDir()
		must(t, os.CopyFS(both, os.DirFS(dir)))
		if got, order := startBroken(t, c, dir, layout.B); got != layout.A || order != "ba" {
			t.Fatalf("starts go %s, %q runs", order, got)
		}
		s := c.open(t, dir, layout.A)
		if st, err := s.Standing(); err != nil || !st.GivenUp || st.Good {
			t.Errorf("%+v, %v", st, err)
		}
		if on, _, err := s.Trial(); on || err != nil {
			t.Errorf("the slot that took over is on trial: %t, %v", on, err)
		}
		must(t, s.Good())
		if got := boots(t, c, dir); got != "aaaaa" {
			t.Errorf("later boots go %s", got)
		}
		must(t, rewrite(c.open(t, dir, layout.A))) // write slot b again
		must(t, c.open(t, dir, layout.A).Try())
		if got := c.next(t, dir); got != layout.B {
			t.Errorf("a repaired slot is not tried: %q", got)
		}
		if got, order := startBroken(t, c, both, layout.A, layout.B); got != layout.Shared || order != "ba" {
			t.Errorf("both broken: starts go %s, %q runs", order, got)
		}
	})
}

// TestNoOther: slots that must not be started instead of a broken one.
func TestNoOther(t *testing.T) {
	for name, to := range map[string]func(t *testing.T, c tested, dir string){
		"empty": func(t *testing.T, c tested, dir string) { histories()[1].make(t, c, dir) },
		"never good": func(t *testing.T, c tested, dir string) {
			histories()[1].make(t, c, dir)
			must(t, rewrite(c.open(t, dir, layout.A)))
		},
		"given up":            func(t *testing.T, c tested, dir string) { histories()[3].make(t, c, dir) },
		"first start, broken": func(t *testing.T, c tested, dir string) { histories()[0].make(t, c, dir) },
	} {
		conform(t, func(t *testing.T, c tested, dir string) {
			to(t, c, dir)
			if c.inEntries() && name != "never good" && name != "given up" {
				must(t, os.Remove(filepath.Join(dir, "loader/entries/proa-b.conf"))) // a new image has no such entry
			}
			before := snapshot(t, dir)
			if err := c.open(t, dir, layout.A).GiveUp(); !errors.Is(err, ErrNoOther) {
				t.Errorf("%s: %v", name, err)
			}
			after := snapshot(t, dir)
			for file, text := range before {
				if after[file] != text {
					t.Errorf("%s: %s was changed", name, file)
				}
			}
		})
	}
}

// TestMarkGoesWithTheSlot: a slot that was written again is not good until it has been found good again.
func TestMarkGoesWithTheSlot(t *testing.T) {
	for _, c := range pairs() {
		dir := t.TempDir()
		c.fresh(t, dir)
		histories()[4].make(t, c, dir)
		has := func() (is bool) {
			must(t, c.open(t, dir, layout.B).Files(layout.A, false, func(at string) error {
				_, err := os.Stat(filepath.Join(at, slotfile.ProvedName))
				is = err == nil
				return nil
			}))
			return is
		}
		if !has() {
			t.Errorf("%s: no mark", c.name)
		}
		must(t, rewrite(c.open(t, dir, layout.B)))
		if has() {
			t.Errorf("%s: the mark outlives the slot", c.name)
		}
	}
}

// TestSkipped: if the good slot could not be loaded, the slot that runs instead can become good; a rollback, which
// looks the same on the disk, is not undone.
func TestSkipped(t *testing.T) {
	for _, c := range pairs() {
		dir := t.TempDir()
		c.fresh(t, dir)
		histories()[2].make(t, c, dir)
		must(t, c.open(t, dir, layout.B).Rollback())
		if st, err := c.open(t, dir, layout.B).Standing(); err != nil || !st.Skipped {
			t.Errorf("%s: %+v, %v", c.name, st, err)
		}
		b := c.where(dir)
		b.Skipped = true // as detected at boot
		s, err := Find(b, layout.B)
		must(t, err)
		must(t, s.Good())
		if got := boots(t, c, dir); got != "bbbbb" {
			t.Errorf("%s: boots go %s", c.name, got)
		}
	}
}
