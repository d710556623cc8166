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
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

var errCut = errors.New("power cut")

// cutAfter lets n single changes through, then the power is gone.
func cutAfter(n int) func(string) error {
	return func(string) error {
		if n == 0 {
			return errCut
		}
		n--
		return nil
	}
}

// changes are the state changes a running machine makes, each with the machine's past and what may be booted afterwards.
func changes() []struct {
	name    string
	current layout.Slot
	past    func(t *testing.T, c chain, dir string)
	change  func(Slots) error
	after   string // five boots once it is complete
	cut     string // slots that five boots after a power cut may start
} {
	goodA := func(t *testing.T, c chain, dir string) {
		c.boot(t, dir)
		must(t, c.open(t, dir, layout.A).Good())
	}
	tryB := func(t *testing.T, c chain, dir string) {
		goodA(t, c, dir)
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, dir)
	}
	return []struct {
		name    string
		current layout.Slot
		past    func(t *testing.T, c chain, dir string)
		change  func(Slots) error
		after   string
		cut     string
	}{
		{"first good", layout.A, func(t *testing.T, c chain, dir string) { c.boot(t, dir) }, Slots.Good, "aaaaa", "aaaaa aabbb"},
		{"try", layout.A, goodA, Slots.Try, "bbbaa", "aaaaa bbbaa"},
		{"good trial", layout.B, tryB, Slots.Good, "bbbbb", "bbbbb bbaaa"},
		{"rollback", layout.B, tryB, Slots.Rollback, "aaaaa", "aaaaa bbaaa"},
		{"try the first again", layout.B, func(t *testing.T, c chain, dir string) {
			tryB(t, c, dir)
			must(t, c.open(t, dir, layout.B).Good())
		}, Slots.Try, "aaabb", "bbbbb aaabb"},
	}
}

func boots(t *testing.T, c chain, dir string) (order string) {
	for range 5 {
		order += string(c.boot(t, dir))
	}
	return order
}

// TestPowerCuts stops every change before each of its single steps: the machine boots as before the change or as after it, and
// the same change made again comes to its end.
func TestPowerCuts(t *testing.T) {
	for _, ch := range changes() {
		t.Run(ch.name, func(t *testing.T) {
			conform(t, func(t *testing.T, c chain, _ string) {
				for n, done := 0, false; !done; n++ {
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

func (c chain) openCut(dir string, current layout.Slot, before func(string) error) Slots {
	s, err := Find(Boot{Dir: dir, before: before}, current, c.efi)
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

// TestTornSector lets every write of the grub backend end after each of its bytes.
func TestTornSector(t *testing.T) {
	c := chains()[0]
	for _, ch := range changes() {
		dir := t.TempDir()
		c.fresh(t, dir)
		ch.past(t, c, dir)
		before := envs(t, dir)
		must(t, ch.change(c.open(t, dir, ch.current)))
		after := envs(t, dir)
		for i := range after {
			for n := 0; n <= grubenv.Sector && !bytes.Equal(before[i], after[i]); n++ {
				torn := before
				torn[i] = append(bytes.Clone(after[i][:n]), before[i][min(n, len(before[i])):]...)
				setEnvs(t, dir, torn)
				if got := boots(t, c, dir); !slices.Contains(strings.Fields(ch.cut), got) {
					t.Fatalf("%s, torn after %d bytes: boots go %s, want one of %s", ch.name, n, got, ch.cut)
				}
			}
		}
	}
}

func envs(t *testing.T, dir string) (out [2][]byte) {
	t.Helper()
	for i := range out {
		b, err := os.ReadFile(filepath.Join(dir, "grub", grubenv.File(i)))
		must(t, err)
		out[i] = b
	}
	return out
}

func setEnvs(t *testing.T, dir string, env [2][]byte) {
	t.Helper()
	for i, b := range env {
		write(t, filepath.Join(dir, "grub", grubenv.File(i)), b)
	}
}

// damages are ways a boot state can be lost whole: both backends' files, beyond what either can read.
func damages() map[string]func(t *testing.T, dir string) {
	junk := bytes.Repeat([]byte("good=b\n"), grubenv.Size/7+1)[:grubenv.Size]
	return map[string]func(t *testing.T, dir string){
		"junk":  func(t *testing.T, dir string) { setEnvs(t, dir, [2][]byte{junk, junk}) },
		"short": func(t *testing.T, dir string) { setEnvs(t, dir, [2][]byte{nil, junk[:5]}) },
		"gone": func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "grub", "env0")))
			must(t, os.Remove(filepath.Join(dir, "grub", "env1")))
		},
	}
}

// TestHeals: GRUB starts a slot without any state; once that slot is good there is one again, and it can be changed.
func TestHeals(t *testing.T) {
	c := chains()[0]
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
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
			if got := c.boot(t, dir); got != layout.B {
				t.Fatalf("healed, %q starts", got)
			}
			must(t, s.Try())
			if got := boots(t, c, dir); got != "aaabb" {
				t.Errorf("after healing a trial goes %s", got)
			}
			for i, b := range envs(t, dir) {
				if _, err := grubenv.Decode(b); err != nil || len(b) != grubenv.Size {
					t.Errorf("file %d is not healed: %d bytes, %v", i, len(b), err)
				}
			}
		})
	}
}

// TestTornHealing: a heal that is cut short leaves what can be healed again.
func TestTornHealing(t *testing.T) {
	c := chains()[0]
	whole := grubenv.Encode(grubenv.State{Good: layout.A})
	for n := 0; n <= len(whole); n += 13 {
		dir := t.TempDir()
		c.fresh(t, dir)
		damages()["junk"](t, dir)
		must(t, grubSlots{Boot{Dir: dir}, layout.A}.boot.inPlace(filepath.Join(dir, "grub", "env0"), whole[:n]))
		must(t, c.open(t, dir, layout.A).Good())
		if s, _, err := (grubSlots{Boot{Dir: dir}, layout.A}).read(); err != nil || s.Good != layout.A || s.Try != layout.Shared {
			t.Fatalf("cut after %d bytes: %v %v", n, s, err)
		}
	}
}

// TestFlushes: nothing is written before what came earlier is on the medium, and nothing is reported done before it is there.
func TestFlushes(t *testing.T) {
	want := map[string]string{
		"grub":   "flush env1; write env1; flush env1",
		"sdboot": "write new.tmp; flush new.tmp; rename new.tmp proa-b+3.conf; flush entries; remove proa-b.conf; flush entries",
	}
	conform(t, func(t *testing.T, c chain, dir string) {
		c.boot(t, dir)
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
