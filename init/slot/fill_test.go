package slot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

// TestMain uses a tmpfs for the tests' directories if possible: they flush some ten thousand times.
func TestMain(m *testing.M) {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// parts are the files that a complete slot must have from one version; root represents its partition.
var parts = []string{"vmlinuz", "dtb/x.dtb", "root"}

// partPath returns the path of a part of a slot in the test's directory.
func partPath(t *testing.T, s Slots, dir string, slot layout.Slot, part string) (path string) {
	t.Helper()
	if part == "root" {
		return filepath.Join(dir, "root-"+string(slot))
	}
	must(t, s.Files(slot, false, func(d string) error { path = filepath.Join(d, part); return nil }))
	return path
}

// whole returns the version of a slot if all of its parts exist with the same version; "" otherwise.
func whole(t *testing.T, s Slots, dir string, slot layout.Slot) (version string) {
	t.Helper()
	for i, part := range parts {
		text, err := os.ReadFile(partPath(t, s, dir, slot, part))
		if err != nil || i > 0 && version != string(text) {
			return ""
		}
		version = string(text)
	}
	return version
}

// fill does what `proa slot write` does to the other slot. before is called before each change, as for changes of the
// boot state.
func fill(c tested, dir string, current layout.Slot, before func(string) error) error {
	s := c.openCut(dir, current, before)
	put := func(path string) error {
		if err := before("write " + path); err != nil {
			return err
		}
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("v2"), 0o600))
	}
	if err := s.Clear(); err != nil {
		return err
	}
	if err := put(filepath.Join(dir, "root-"+string(s.Other()))); err != nil {
		return err
	}
	err := s.Files(s.Other(), true, func(d string) error {
		return errors.Join(put(filepath.Join(d, "vmlinuz")), put(filepath.Join(d, "dtb/x.dtb")))
	})
	if err != nil {
		return err
	}
	return s.Enable(Entry{Title: "proa v2", Cmdline: "x", Scripts: map[string][]byte{c.script(): []byte("start")}})
}

// filled returns a machine that has run both slots and on which current is good.
func filled(t *testing.T, c tested, dir string, current layout.Slot) {
	t.Helper()
	c.fresh(t, dir)
	for _, slot := range layout.Slots() {
		for _, part := range parts {
			write(t, partPath(t, c.open(t, dir, layout.A), dir, slot, part), []byte("v1"))
		}
	}
	c.boot(t, c, dir)
	must(t, c.open(t, dir, layout.A).Good())
	if current == layout.B {
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.B).Good())
	}
}

// pasts are possible histories of the other slot before it is written.
var pasts = []struct {
	name string
	past func(t *testing.T, c tested, dir string, current layout.Slot)
}{
	{"nothing", func(*testing.T, tested, string, layout.Slot) {}},
	{"a trial that was asked for", func(t *testing.T, c tested, dir string, current layout.Slot) {
		must(t, c.open(t, dir, current).Try())
	}},
	{"a trial that failed", func(t *testing.T, c tested, dir string, current layout.Slot) {
		must(t, c.open(t, dir, current).Try())
		for range 4 {
			c.boot(t, c, dir)
		}
	}},
	{"a trial that was rolled back", func(t *testing.T, c tested, dir string, current layout.Slot) {
		must(t, c.open(t, dir, current).Try())
		c.boot(t, c, dir)
		must(t, c.open(t, dir, current.Other()).Rollback())
		c.boot(t, c, dir)
		must(t, c.open(t, dir, current).Good())
	}},
	{"a write that was cut", func(t *testing.T, c tested, dir string, current layout.Slot) {
		if err := fill(c, dir, current, cutAfter(6)); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
	}},
}

func eachPast(t *testing.T, do func(t *testing.T, c tested, dir string, current layout.Slot)) {
	for _, current := range layout.Slots() {
		for _, p := range pasts {
			t.Run(string(current)+" after "+p.name, func(t *testing.T) {
				conform(t, func(t *testing.T, c tested, dir string) {
					filled(t, c, dir, current)
					p.past(t, c, dir, current)
					do(t, c, dir, current)
				})
			})
		}
	}
}

// TestFillPowerCuts cuts the power before each change of a write: any slot that boots is complete, the good slot is
// available as fallback, and the repeated write succeeds; the new slot is then booted only on request.
func TestFillPowerCuts(t *testing.T) {
	eachPast(t, func(t *testing.T, c tested, start string, current layout.Slot) {
		for n, done := 0, false; !done; n++ {
			dir, again := t.TempDir(), t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(start)))
			err := fill(c, dir, current, cutAfter(n))
			if done = err == nil; !done && !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			must(t, os.CopyFS(again, os.DirFS(dir)))
			holds(t, c, dir, current, n)
			must(t, fill(c, again, current, func(string) error { return nil }))
			trial(t, c, again, current)
		}
	})
}

// holds boots five times.
func holds(t *testing.T, c tested, dir string, current layout.Slot, cut int) {
	t.Helper()
	s, order := c.open(t, dir, current), ""
	for range 5 {
		slot := c.boot(t, c, dir)
		version := whole(t, s, dir, slot)
		if order += string(slot); version == "" || slot == current && version != "v1" {
			t.Fatalf("cut before step %d: boots go %s, which is version %q; %v", cut+1, order, version, tree(dir))
		}
		if slot != current && version == "v2" {
			t.Fatalf("cut before step %d: boots go %s: the new slot was started unasked; %v", cut+1, order, tree(dir))
		}
	}
	if !strings.HasSuffix(order, strings.Repeat(string(current), 2)) {
		t.Fatalf("cut before step %d: boots go %s and do not end in the good slot; %v", cut+1, order, tree(dir))
	}
}

// trial tries the written slot and lets it fail.
func trial(t *testing.T, c tested, dir string, current layout.Slot) {
	t.Helper()
	s := c.open(t, dir, current)
	if got := whole(t, s, dir, s.Other()); got != "v2" {
		t.Fatalf("the written slot is %q; %v", got, tree(dir))
	}
	if other, err := s.Standing(); other.Good || err != nil {
		t.Fatalf("the written slot: %+v, %v", other, err)
	}
	must(t, s.Try())
	other := string(s.Other())
	if got := boots(t, c, dir); got != strings.Repeat(other, 3)+strings.Repeat(string(current), 2) {
		t.Fatalf("a trial of the written slot goes %s; %v", got, tree(dir))
	}
}

// TestClearedIsEmpty: no file of the old slot is left, and no file of the running slot is changed.
func TestClearedIsEmpty(t *testing.T) {
	eachPast(t, func(t *testing.T, c tested, dir string, current layout.Slot) {
		s := c.open(t, dir, current)
		before := list(t, s, current)
		must(t, s.Clear())
		if left := list(t, s, s.Other()); left != nil {
			t.Errorf("left over: %q", left)
		}
		if d := cmp.Diff(before, list(t, s, current)); d != "" || before == nil {
			t.Errorf("the running slot: %s", d)
		}
		if got := boots(t, c, dir); got != strings.Repeat(string(current), 5) {
			t.Errorf("boots go %s", got)
		}
	})
}

func list(t *testing.T, s Slots, slot layout.Slot) (files []string) {
	t.Helper()
	must(t, s.Files(slot, false, func(dir string) error {
		return fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		})
	}))
	return files
}

// TestClearRefuses: the fallback of a slot on trial is not cleared.
func TestClearRefuses(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
		if err := c.open(t, dir, layout.B).Clear(); !errors.Is(err, ErrNotGood) {
			t.Errorf("trial: %v", err)
		}
		for _, s := range layout.Slots() {
			if !c.inEntries() && list(t, c.open(t, dir, layout.A), s) == nil {
				t.Errorf("slot %s was emptied", s)
			}
		}
	})
}

// TestFirstTrialClears: the other slot of a new image is empty and can be written although the first one is not good
// yet.
func TestFirstTrialClears(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		if c.inEntries() {
			must(t, os.Remove(filepath.Join(dir, sdboot.Dir, "proa-b.conf")))
		}
		c.boot(t, c, dir)
		must(t, rewrite(c.open(t, dir, layout.A)))
		if on, left, err := c.open(t, dir, layout.A).Trial(); !on || left != 2 || err != nil {
			t.Errorf("the trial that runs: %t, %d left, %v", on, left, err)
		}
		if got := c.next(t, dir); got != layout.A {
			t.Errorf("slot %s starts next", got)
		}
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
		if got := c.next(t, dir); got != layout.B {
			t.Errorf("tried, slot %s starts next", got)
		}
	})
}

// TestEveryLoader: a PC may boot with BIOS today and with UEFI tomorrow; a slot that must not be booted is bootable by
// neither.
func TestEveryLoader(t *testing.T) {
	for _, c := range []tested{{of: chain.GRUB}, {of: chain.SystemdBoot}} {
		dir := t.TempDir()
		freshGrub(t, dir)
		freshSdboot(t, dir)
		s, err := Find(Boot{Chain: c.row(), Dir: dir}, layout.A)
		must(t, err)
		must(t, s.Good())
		must(t, s.Clear())
		if left := tree(dir); slices.ContainsFunc(left, func(f string) bool { return strings.Contains(f, "proa-b") }) || list(t, s, layout.B) != nil {
			t.Errorf("%s: left over: %q", c.of, left)
		}
		must(t, s.Enable(Entry{Cmdline: "x", Scripts: map[string][]byte{"grub.cfg": []byte("linux")}}))
		if _, err := os.Stat(filepath.Join(dir, sdboot.Dir, "proa-b+0.conf")); err != nil || len(list(t, s, layout.B)) != 1 {
			t.Errorf("%s: %v; %q", c.of, err, list(t, s, layout.B))
		}
	}
}

// TestFillFlushes: the slot is unbootable on the medium before anything of it is overwritten, and complete before it
// becomes bootable.
func TestFillFlushes(t *testing.T) {
	const firmware = "remove config.txt; flush boot-b; remove dtb; remove vmlinuz; flush boot-b; WRITE; WRITE; WRITE; flush boot-b; write new.tmp; flush new.tmp; rename new.tmp config.txt; flush boot-b; flush boot-b"
	want := map[string]string{
		"tryboot": firmware, "tryboot by restarts": firmware,
		"grub":   "remove grub.cfg; flush b; remove dtb; remove vmlinuz; flush b; WRITE; WRITE; WRITE; flush b; write new.tmp; flush new.tmp; rename new.tmp grub.cfg; flush b; flush b",
		"uboot":  "remove boot.scr; flush b; remove dtb; remove vmlinuz; flush b; WRITE; WRITE; WRITE; flush b; write new.tmp; flush new.tmp; rename new.tmp boot.scr; flush b; flush b",
		"sdboot": "remove proa-b.conf; flush entries; flush b; remove dtb; remove vmlinuz; flush b; WRITE; WRITE; WRITE; flush b; write new.tmp; flush new.tmp; rename new.tmp grub.cfg; flush b; flush b; write new.tmp; flush new.tmp; rename new.tmp proa-b+0.conf; flush entries",
	}
	conform(t, func(t *testing.T, c tested, dir string) {
		filled(t, c, dir, layout.A)
		var steps []string
		must(t, fill(c, dir, layout.A, func(what string) error {
			if strings.Contains(what, dir) {
				what = "WRITE"
			}
			steps = append(steps, what)
			return nil
		}))
		if d := cmp.Diff(want[c.name], strings.Join(steps, "; ")); d != "" {
			t.Error(d)
		}
	})
}

// TestClearSharedClusters: files that a power cut during a rename has left under both names are removed. The real
// kernel's answer to that, in which this test believes, is a file system that is read-only until it is mounted again.
func TestClearSharedClusters(t *testing.T) {
	for name, c := range map[string]struct {
		shared []string // whose removal makes the file system read-only
		err    error
	}{
		"two": {[]string{"kernel.tmp", "new.tmp"}, nil}, "none": {nil, nil},
		"a medium that cannot be written": {[]string{""}, unix.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			dir, readOnly, removed := t.TempDir(), false, ""
			own := filepath.Join(dir, layout.Slot("b").Dir())
			for _, file := range []string{"kernel", "kernel.tmp", "manifest.json", "new.tmp", "zz"} {
				must(t, errors.Join(os.MkdirAll(own, 0o755), os.WriteFile(filepath.Join(own, file), nil, 0o600)))
			}
			b := Boot{Dir: dir, Writable: func(change func() error) error { readOnly = slices.Contains(c.shared, ""); return change() }}
			b.before = func(what string) error {
				what, ok := strings.CutPrefix(what, "remove ")
				if readOnly = readOnly || slices.Contains(c.shared, removed); ok && readOnly {
					return unix.EROFS
				}
				removed = what
				return nil
			}
			if err := b.clear("b"); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if left, _ := os.ReadDir(own); len(left) > 0 && c.err == nil {
				t.Errorf("left: %v", left)
			}
		})
	}
}
