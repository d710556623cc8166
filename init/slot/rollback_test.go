package slot

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
)

// TestRollbackOfGood: the slot before an upgrade can be chosen once the new one is good, on every chain; it is good, and
// the way forward is open as well.
func TestRollbackOfGood(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		histories()[4].make(t, c, dir)
		current := layout.B
		for range 4 {
			must(t, c.open(t, dir, current).Rollback())
			current = current.Other()
			if got, want := boots(t, c, dir), strings.Repeat(string(current), 5); got != want {
				t.Fatalf("boots go %s, want %s", got, want)
			}
			s := c.open(t, dir, current)
			must(t, s.Good())
			if st, err := s.Standing(); err != nil || st.Skipped || st.GivenUp {
				t.Errorf("slot %s: %+v, %v", current, st, err)
			}
		}
	})
}

// TestRollbackCut: whichever slot runs after a power cut in a rollback, it was chosen, and becomes good.
func TestRollbackCut(t *testing.T) {
	conform(t, func(t *testing.T, c tested, _ string) {
		for n, done := 0, false; !done; n++ {
			dir := t.TempDir()
			c.fresh(t, dir)
			histories()[4].make(t, c, dir)
			err := c.openCut(dir, layout.B, cutAfter(n)).Rollback()
			if done = err == nil; !done && !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			s := c.open(t, dir, c.boot(t, c, dir))
			if st, err := s.Standing(); err != nil || st.Skipped {
				t.Errorf("cut before step %d: slot %s runs, %+v, %v", n+1, s.Current(), st, err)
			}
			must(t, s.Good())
			if got, want := boots(t, c, dir), strings.Repeat(string(s.Current()), 5); got != want {
				t.Errorf("cut before step %d: boots go %s, want %s", n+1, got, want)
			}
		}
	})
}

// TestNoRollback: slots that a command must not choose, and that do not take over from a broken one.
func TestNoRollback(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, c tested, dir string){
		"being written": func(t *testing.T, c tested, dir string) {
			for n := 0; ; n++ { // up to the first change that makes it unbootable
				err := c.openCut(dir, layout.B, cutAfter(n)).Clear()
				if _, broken := os.Stat(starter(t, c, dir)); broken != nil || err == nil {
					return
				}
			}
		},
		"written, not tried": func(t *testing.T, c tested, dir string) { must(t, rewrite(c.open(t, dir, layout.B))) },
		"given up": func(t *testing.T, c tested, dir string) {
			must(t, c.open(t, dir, layout.B).Try())
			for range 4 {
				c.boot(t, c, dir)
			}
		},
	} {
		conform(t, func(t *testing.T, c tested, dir string) {
			histories()[4].make(t, c, dir)
			spoil(t, c, dir)
			before := snapshot(t, dir)
			s := c.open(t, dir, layout.B)
			if err := s.Rollback(); err == nil {
				t.Errorf("%s: rolled back", name)
			}
			if err := s.GiveUp(); !errors.Is(err, ErrNoOther) {
				t.Errorf("%s: took over: %v", name, err)
			}
			for file, text := range snapshot(t, dir) {
				if before[file] != text {
					t.Errorf("%s: %s was changed", name, file)
				}
			}
			if got := c.next(t, dir); got != layout.B {
				t.Errorf("%s: %q starts", name, got)
			}
		})
	}
}

// starter is the file that makes slot a bootable.
func starter(t *testing.T, c tested, dir string) string {
	if c.inEntries() {
		return dir + "/loader/entries/proa-a.conf"
	}
	return partPath(t, c.open(t, dir, layout.B), dir, layout.A, c.script())
}
