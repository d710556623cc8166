package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
)

// op is an operation of a verb or of PID 1 on the boot state of a running machine.
type op struct {
	name   string
	do     func(Slots) error
	choice func(current layout.Slot) layout.Slot // slot that the next boot starts if it succeeded; nil: it chooses none
}

func ops() []op {
	other := func(s layout.Slot) layout.Slot { return s.Other() }
	return []op{
		{"good", Slots.Good, nil},
		{"try", Slots.Try, other},
		{"rollback", Slots.Rollback, other},
		{"write", rewrite, func(s layout.Slot) layout.Slot { return s }},
	}
}

// rewrite does what `proa slot write` does.
func rewrite(s Slots) error {
	if err := s.Clear(); err != nil {
		return err
	}
	scripts := map[string][]byte{"grub.cfg": []byte("linux"), "boot.scr": []byte("booti"), "config.txt": []byte("kernel=vmlinuz\n")}
	return s.Enable(Entry{Title: "proa", Cmdline: "x", Scripts: scripts})
}

// history is the past of a machine.
type history struct {
	name    string
	current layout.Slot
	make    func(t *testing.T, c tested, dir string)
}

func histories() []history {
	first := func(t *testing.T, c tested, dir string) { c.boot(t, c, dir) }
	good := func(t *testing.T, c tested, dir string) { first(t, c, dir); must(t, c.open(t, dir, layout.A).Good()) }
	trial := func(t *testing.T, c tested, dir string) {
		good(t, c, dir)
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
	}
	return []history{
		{"first start", layout.A, first},
		{"good, started again", layout.A, func(t *testing.T, c tested, dir string) { good(t, c, dir); c.boot(t, c, dir) }},
		{"on trial", layout.B, trial},
		{"trial given up", layout.A, func(t *testing.T, c tested, dir string) {
			trial(t, c, dir)
			for range 3 {
				c.boot(t, c, dir)
			}
		}},
		{"after a good trial", layout.B, func(t *testing.T, c tested, dir string) {
			trial(t, c, dir)
			must(t, c.open(t, dir, layout.B).Good())
			c.boot(t, c, dir)
		}},
	}
}

// next returns the slot that a copy of the machine boots.
func (c tested) next(t *testing.T, dir string) layout.Slot {
	t.Helper()
	again := t.TempDir()
	defer os.RemoveAll(again)
	must(t, os.CopyFS(again, os.DirFS(dir)))
	return c.boot(t, c, again)
}

// TestWriters: in any order of operations of verbs and PID 1, the slot chosen last is booted next; PID 1's Good chooses
// none, and a failed operation changes nothing.
func TestWriters(t *testing.T) {
	all := 0
	conform(t, func(t *testing.T, c tested, _ string) {
		for _, from := range histories() {
			for n := range len(ops()) * len(ops()) * len(ops()) {
				dir := t.TempDir()
				c.fresh(t, dir)
				from.make(t, c, dir)
				c.follow(t, dir, from, n)
				os.RemoveAll(dir)
				all++
			}
		}
	})
	t.Logf("%d sequences", all)
}

// follow executes three operations, whose numbers are the digits of n.
func (c tested) follow(t *testing.T, dir string, from history, n int) {
	t.Helper()
	said := c.name + ", " + from.name
	chosen, before := layout.Shared, c.next(t, dir)
	for range 3 {
		o := ops()[n%len(ops())]
		n /= len(ops())
		err := o.do(c.open(t, dir, from.current))
		said += fmt.Sprintf("; %s (%v)", o.name, err)
		want := before
		switch {
		case err == nil && o.choice != nil:
			want = o.choice(from.current)
			chosen = want
		case err == nil && chosen == layout.Shared:
			want = from.current // good, and nothing was chosen before
		}
		if before = c.next(t, dir); before != want {
			t.Fatalf("%s: %q starts next, want %q", said, before, want)
		}
	}
}

// TestWritersCut: after a power cut at any step of PID 1's Good, an earlier choice is still in force.
func TestWritersCut(t *testing.T) {
	conform(t, func(t *testing.T, c tested, _ string) {
		for _, from := range histories() {
			for _, o := range ops()[1:3] {
				for n, done := 0, false; !done; n++ {
					dir := t.TempDir()
					c.fresh(t, dir)
					from.make(t, c, dir)
					if o.do(c.open(t, dir, from.current)) != nil {
						break // nothing was chosen
					}
					err := c.openCut(dir, from.current, cutAfter(n)).Good()
					done = !errors.Is(err, errCut)
					if got := c.next(t, dir); got != o.choice(from.current) {
						t.Fatalf("%s, %s, %s, good cut before step %d: %q starts", c.name, from.name, o.name, n+1, got)
					}
				}
			}
		}
	})
}

// TestPassedOver: Good returns ErrPassedOver if the other slot was chosen meanwhile.
func TestPassedOver(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		histories()[2].make(t, c, dir)
		must(t, c.open(t, dir, layout.B).Rollback())
		if err := c.open(t, dir, layout.B).Good(); !errors.Is(err, ErrPassedOver) {
			t.Error(err)
		}
	})
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path, 0)
	must(t, err)
	if _, err := Lock(path, 50*time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("held by another: %v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { first.Close() })
	second, err := Lock(path, 10*time.Second)
	must(t, err)
	must(t, second.Close())
}
