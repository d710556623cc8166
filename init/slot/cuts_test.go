package slot

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

// files are the files on the medium: those of the boot partition, and the state partition as one more.
type files map[string]string

// moment is one change or flush of a machine, and the content of the medium before it if there were no cache.
type moment struct {
	what string
	had  files
}

// effect lists what one change can leave on the medium: nothing, all of it, and torn writes.
type effect []func(files)

// TestEveryCut cuts the power at every point of every change, with a disk that has a cache: flushed writes are on the
// medium; of later ones any subset may be, in any order; and one sector may be torn. The machine must boot as before
// the change or as after it.
func TestEveryCut(t *testing.T) {
	total := 0
	for _, c := range chains() {
		states := 0
		for _, ch := range append(changes(), c.counts()...) {
			dir := t.TempDir()
			c.fresh(t, dir)
			ch.past(t, c, dir)
			for _, left := range cuts(c.record(t, dir, ch.current, ch.change)) {
				states++
				at := t.TempDir()
				left.restore(t, at)
				if got := boots(t, c, at); !slices.Contains(strings.Fields(ch.cut), got) {
					t.Fatalf("%s, %s: boots go %s, want one of %s; %.300q", c.name, ch.name, got, ch.cut, left)
				}
				os.RemoveAll(at)
			}
		}
		t.Logf("%s: %d states", c.name, states)
		total += states
	}
	t.Logf("%d states in all", total)
}

// counts are the changes that count a try in PID 1. On other chains the boot loader does that
// (images/bootstate/statetest).
func (c tested) counts() []transition {
	if c.numbers == nil {
		return nil
	}
	asked := func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
	}
	running := func(t *testing.T, c tested, dir string) { asked(t, c, dir); c.boot(t, c, dir) }
	rearm := func(s Slots) error { _, err := s.(Trier).Rearm(); return err }
	arm := func(s Slots) error { _, err := s.(Trier).Arm(); return err }
	return []transition{
		{"first start", layout.A, func(*testing.T, tested, string) {}, rearm, "aaaaa", "aaaaa"},
		{"ask again", layout.A, asked, rearm, "bbaaa", "bbbaa bbaaa"},
		{"restart into the trial", layout.A, asked, arm, "bbaaa", "bbbaa bbaaa"},
		{"restart of the trial", layout.B, running, arm, "baaaa", "bbaaa baaaa"},
	}
}

// record makes a change and returns its moments; the last one is its end.
func (c tested) record(t *testing.T, dir string, current layout.Slot, change func(Slots) error) (list []moment) {
	t.Helper()
	os.Remove(filepath.Join(dir, "running")) // after a power cut nothing runs
	note := func(what string) error { list = append(list, moment{what, snapshot(t, dir)}); return nil }
	must(t, change(c.openCut(dir, current, note)))
	note("end")
	return list
}

func snapshot(t *testing.T, dir string) files {
	t.Helper()
	all := files{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(b)
		return err
	}))
	return all
}

func (f files) restore(t *testing.T, dir string) {
	t.Helper()
	for name, content := range f {
		write(t, filepath.Join(dir, name), []byte(content))
	}
}

// cuts returns the different contents of the medium after a power cut during these moments.
func cuts(list []moment) (left []files) {
	had := list[0].had
	var pending []effect
	for i, m := range list[:len(list)-1] {
		if strings.HasPrefix(m.what, "flush ") {
			left = append(left, kept(had, pending)...)
			had, pending = m.had, nil
			continue
		}
		pending = append(pending, effects(m.what, m.had, list[i+1].had)...)
	}
	left = append(left, kept(had, pending)...)
	return append(left, list[len(list)-1].had)
}

// kept chooses for each effect whether the medium has it, and tears one at a time.
func kept(had files, pending []effect) (left []files) {
	for torn := -1; torn < len(pending); torn++ {
		variants := 1
		if torn >= 0 {
			variants = len(pending[torn]) - 2
		}
		for v := range variants {
			for choice := range 1 << len(pending) {
				if torn >= 0 && choice>>torn&1 == 1 {
					continue // torn already
				}
				now := maps.Clone(had)
				for i, e := range pending {
					if i == torn {
						e[2+v](now)
					} else {
						e[choice>>i&1](now)
					}
				}
				left = append(left, now)
			}
		}
	}
	return left
}

// effects derives the effects of one change from the files before and after it. A rename changes two names, and a FAT
// driver writes them in any order.
func effects(what string, had, has files) (list []effect) {
	for _, name := range slices.Sorted(maps.Keys(has)) {
		old, was := had[name]
		now := has[name]
		switch {
		case was && old == now:
		case was && len(old) == len(now):
			list = append(list, sectors(name, old, now)...)
		case strings.HasPrefix(what, "rename "):
			list = append(list, effect{nothing, put(name, now)})
		default:
			list = append(list, grown(name, now))
		}
	}
	for name := range had {
		if _, is := has[name]; !is {
			list = append(list, effect{nothing, func(f files) { delete(f, name) }})
		}
	}
	return list
}

func nothing(files) {}

func put(name, content string) func(files) { return func(f files) { f[name] = content } }

// sectors are the sector writes of an in-place change of a file.
func sectors(name, old, now string) (list []effect) {
	for at := 0; at < len(old); at += layout.Sector {
		end := min(at+layout.Sector, len(old))
		if old[at:end] == now[at:end] {
			continue
		}
		splice := func(sector string) func(files) {
			return func(f files) { f[name] = f[name][:at] + sector + f[name][end:] }
		}
		e := effect{nothing, splice(now[at:end])}
		for _, mix := range statetest.Torn([]byte(old[at:end]), []byte(now[at:end])) {
			e = append(e, splice(string(mix)))
		}
		list = append(list, e)
	}
	return list
}

// grown is a file that is new or has another length: its entry may exist with part of its content or none.
func grown(name, content string) effect {
	e := effect{nothing, put(name, content), put(name, strings.Repeat("\x00", len(content)))}
	for n := range len(content) {
		e = append(e, put(name, content[:n]))
	}
	return e
}

// TestCutsAreAll tests the enumeration, on a change of two sectors and a rename without a flush between.
func TestCutsAreAll(t *testing.T) {
	a, b := files{"x": strings.Repeat("o", 600), "tmp": "1"}, files{"x": "n" + strings.Repeat("o", 598) + "n", "tmp": "1"}
	c := files{"x": b["x"], "new": "1"}
	seen := map[string]bool{}
	for _, f := range cuts([]moment{{"write x", a}, {"rename tmp new", b}, {"end", c}}) {
		seen[string(f["x"][0])+string(f["x"][599])+f["tmp"]+"."+f["new"]] = true
	}
	for _, want := range []string{"oo1.", "no1.", "on1.", "nn1.", "oo1.1", "on.1", "no.", "nn.1"} {
		if !seen[want] {
			t.Errorf("%s is not tried", want)
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d states: %v", len(seen), seen)
	}
	flushed := cuts([]moment{{"write x", a}, {"flush x", b}, {"rename tmp new", b}, {"end", c}})
	for _, f := range flushed {
		if f["new"] == "1" && f["x"] != b["x"] {
			t.Error("what was flushed is gone")
		}
	}
}
