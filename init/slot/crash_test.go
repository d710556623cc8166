package slot

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/uboot"
)

var errCut = errors.New("power cut")

// cutAfter allows n changes, then simulates a power cut.
func cutAfter(n int) func(string) error {
	return func(string) error {
		if n == 0 {
			return errCut
		}
		n--
		return nil
	}
}

// transition is a state change by a running machine, with the machine's history and the slots that may be booted
// afterwards.
type transition struct {
	name    string
	current layout.Slot
	past    func(t *testing.T, c tested, dir string)
	change  func(Slots) error
	after   string // slots of five boots after it is complete
	cut     string // slots that five boots after a power cut may start
}

// changes are the transitions of every boot chain.
func changes() []transition {
	goodA := func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
	}
	tryB := func(t *testing.T, c tested, dir string) {
		goodA(t, c, dir)
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
	}
	bothGood := func(t *testing.T, c tested, dir string) {
		tryB(t, c, dir)
		must(t, c.open(t, dir, layout.B).Good())
		c.boot(t, c, dir)
	}
	return []transition{
		{"rollback of a good slot", layout.B, bothGood, Slots.Rollback, "aaaaa", "bbbbb aaaaa"},
		{"give up", layout.B, bothGood, Slots.GiveUp, "aaaaa", "bbbbb aaaaa"},
		{"first good", layout.A, func(t *testing.T, c tested, dir string) { c.boot(t, c, dir) }, Slots.Good, "aaaaa", "aaaaa aabbb"},
		{"try", layout.A, goodA, Slots.Try, "bbbaa", "aaaaa bbbaa"},
		{"good trial", layout.B, tryB, Slots.Good, "bbbbb", "bbbbb bbaaa"},
		{"rollback", layout.B, tryB, Slots.Rollback, "aaaaa", "aaaaa bbaaa"},
		{"try the first again", layout.B, func(t *testing.T, c tested, dir string) {
			tryB(t, c, dir)
			must(t, c.open(t, dir, layout.B).Good())
		}, Slots.Try, "aaabb", "bbbbb aaabb"},
	}
}

func boots(t *testing.T, c tested, dir string) (order string) {
	for range 5 {
		order += string(c.boot(t, c, dir))
	}
	return order
}

// TestPowerCuts stops every change before each of its steps: the machine boots as before the change or as after it, and
// the repeated change succeeds.
func TestPowerCuts(t *testing.T) {
	for _, ch := range changes() {
		t.Run(ch.name, func(t *testing.T) {
			conform(t, func(t *testing.T, c tested, _ string) {
				cuts := 0
				defer func() { t.Logf("%d cuts", cuts) }()
				for n, done := 0, false; !done; n++ {
					cuts++
					dir, again := t.TempDir(), t.TempDir()
					c.fresh(t, dir)
					ch.past(t, c, dir)
					err := ch.change(c.openCut(dir, ch.current, cutAfter(n)))
					if done = err == nil; !done && !errors.Is(err, errCut) {
						t.Fatal(err)
					}
					must(t, os.CopyFS(again, os.DirFS(dir)))
					want := ch.cut
					if done {
						want = ch.after
					}
					if got := boots(t, c, dir); !slices.Contains(strings.Fields(want), got) {
						t.Errorf("cut before step %d: boots go %s, want one of %s; %v", n+1, got, want, tree(dir))
					}
					must(t, ch.change(c.open(t, again, ch.current)))
					if got := boots(t, c, again); got != ch.after {
						t.Errorf("made again after a cut before step %d: boots go %s, want %s; %v", n+1, got, ch.after, tree(again))
					}
				}
			})
		})
	}
}

func (c tested) openCut(dir string, current layout.Slot, before func(string) error) Slots {
	b := c.where(dir)
	b.before = before
	s, err := Find(b, current)
	if err != nil {
		panic(err)
	}
	return s
}

func tree(dir string) (names []string) {
	for _, sub := range []string{"grub", sdboot.Dir} {
		files, _ := filepath.Glob(filepath.Join(dir, sub, "*"))
		names = append(names, files...)
	}
	return names
}

func (c tested) copies(t *testing.T, dir string) (out [2][]byte) {
	t.Helper()
	p := c.pair(t, dir)
	for i := range out {
		b, err := p.get(i)
		must(t, err)
		out[i] = b
	}
	return out
}

func (c tested) setCopies(t *testing.T, dir string, copies [2][]byte) {
	t.Helper()
	for i, b := range copies {
		if !c.raw() {
			write(t, filepath.Join(dir, "grub", grubenv.File(i)), b)
			continue
		}
		f, err := os.OpenFile(c.where(dir).State, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(b, uboot.Offset(i))
		must(t, errors.Join(err, f.Close()))
	}
}

// damages are ways to lose the whole boot state. Files can also be truncated or missing; a partition cannot.
func (c tested) damages() map[string]func(t *testing.T, dir string) {
	junk := bytes.Repeat([]byte("good=b\n"), grubenv.Size/7+1)[:grubenv.Size]
	to := func(copy0, copy1 []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { c.setCopies(t, dir, [2][]byte{copy0, copy1}) }
	}
	if c.raw() {
		return map[string]func(*testing.T, string){"junk": to(junk, junk), "zeros": to(make([]byte, uboot.Size), make([]byte, uboot.Size))}
	}
	return map[string]func(*testing.T, string){"junk": to(junk, junk), "short": to(nil, junk[:5]), "gone": func(t *testing.T, dir string) {
		must(t, os.Remove(filepath.Join(dir, "grub", "env0")))
		must(t, os.Remove(filepath.Join(dir, "grub", "env1")))
	}}
}

// TestHeals: without any state a boot loader starts some slot; once that is good there is a state again, and it can be
// changed.
func TestHeals(t *testing.T) {
	for _, c := range pairs() {
		for name, damage := range c.damages() {
			t.Run(c.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				c.fresh(t, dir)
				damage(t, dir)
				s := c.open(t, dir, layout.B)
				if _, _, err := s.Trial(); err == nil {
					t.Error("a damaged state was read")
				}
				if err := s.Try(); err == nil {
					t.Error("a trial without knowing what is good")
				}
				must(t, s.Good())
				if got := bootHealed(t, c, dir); got != layout.B {
					t.Fatalf("healed, %q starts", got)
				}
				must(t, s.Try())
				if got := boots(t, c, dir); got != "aaabb" {
					t.Errorf("after healing a trial goes %s", got)
				}
				for i, b := range c.copies(t, dir) {
					if p := c.pair(t, dir); p.check(b) != nil || len(b) != len(p.Encode(bootstate.State{})) {
						t.Errorf("copy %d is not healed: %d bytes, %v", i, len(b), p.check(b))
					}
				}
			})
		}
	}
}

func (p pair) check(b []byte) error { _, err := p.Decode(b); return err }

// bootHealed boots with the second copy possibly missing.
func bootHealed(t *testing.T, c tested, dir string) layout.Slot {
	if c.numbers != nil {
		return c.boot(t, c, dir)
	}
	p := c.pair(t, dir)
	copy0, err := p.get(0)
	must(t, err)
	copy1, _ := p.get(1)
	return p.Boot(copy0, copy1, true).Start[0].Slot
}

// TestTornHealing: an interrupted repair can be repeated.
func TestTornHealing(t *testing.T) {
	for _, c := range pairs() {
		whole := c.pair(t, t.TempDir()).Encode(bootstate.State{Good: layout.A})
		for n := 0; n <= len(whole); n += 13 {
			dir := t.TempDir()
			c.fresh(t, dir)
			c.damages()["junk"](t, dir)
			copies := c.copies(t, dir)
			copy(copies[0], whole[:n])
			c.setCopies(t, dir, copies)
			must(t, c.open(t, dir, layout.A).Good())
			if s, _, err := c.pair(t, dir).read(); err != nil || s.Good != layout.A || s.Try != layout.Shared {
				t.Fatalf("%s, cut after %d bytes: %v %v", c.name, n, s, err)
			}
		}
	}
}

// TestFlushes: earlier writes are flushed before the next write, and all are flushed before the call returns.
func TestFlushes(t *testing.T) {
	want := map[string]string{
		"grub":                "flush env1; write env1; flush env1",
		"uboot":               "flush state; write state 1; flush state",
		"tryboot":             "flush state; write state 1; flush state",
		"tryboot by restarts": "flush state; write state 1; flush state",
		"sdboot":              "write new.tmp; flush new.tmp; rename new.tmp proa-b+3.conf; flush entries; remove proa-b.conf; flush entries",
	}
	conform(t, func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		var steps []string
		must(t, c.openCut(dir, layout.A, func(what string) error { steps = append(steps, what); return nil }).Try())
		if d := cmp.Diff(want[c.name], strings.Join(steps, "; ")); d != "" {
			t.Error(d)
		}
	})
}

func TestDevice(t *testing.T) {
	if dev := Device("/proc"); dev != "" {
		t.Errorf("proc lies on %q", dev)
	}
	if dev := Device(filepath.Join(t.TempDir(), "none")); dev != "" {
		t.Errorf("nothing lies on %q", dev)
	}
	dir := t.TempDir()
	if err := (Boot{Device: filepath.Join(dir, "none")}).flush(dir); err == nil {
		t.Error("the device was not flushed")
	}
}
