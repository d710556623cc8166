package slot

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/uboot"
)

// tested is a boot chain in the conformance test.
type tested struct {
	name    string
	fresh   func(t *testing.T, dir string)                       // writes the state of a new image: slot a on trial; both have files
	boot    func(t *testing.T, c tested, dir string) layout.Slot // simulates the boot loader: choose, count, start
	of      string                                               // its row in images/chain
	numbers map[layout.Slot]int
}

// row returns the chain's row.
func (c tested) row() chain.Chain { return chain.Rows(c.of)[0] }

// inEntries says whether the state is in names of entries, which remember two good slots.
func (c tested) inEntries() bool { return c.row().State == chain.InEntries }

// raw says whether the state is in a partition of its own.
func (c tested) raw() bool { return chain.List{c.row()}.Needs(layout.State.Of(layout.Shared)) }

func chains() []tested {
	return append(pairs(), tested{name: "sdboot", fresh: freshSdboot, boot: bootSdboot, of: chain.SystemdBoot})
}

// pairs are the boot chains with two copies of the state. Under tryboot a boot after a power cut differs from one after
// a restart.
func pairs() []tested {
	return []tested{
		{name: "grub", fresh: freshGrub, boot: bootPair, of: chain.GRUB},
		{name: "uboot", fresh: freshUboot, boot: bootPair, of: chain.UBoot},
		{name: "tryboot", fresh: freshTryboot, boot: bootTryboot, of: chain.Tryboot, numbers: numbers()},
		{name: "tryboot by restarts", fresh: freshTryboot, boot: restartTryboot, of: chain.Tryboot, numbers: numbers()},
	}
}

// where returns the chain's boot partition in dir.
func (c tested) where(dir string) Boot {
	b := Boot{Chain: c.row(), Dir: dir, Numbers: c.numbers}
	if c.raw() {
		b.State = filepath.Join(dir, "state")
	}
	if b.Chain.OwnBoot {
		b.Mount = func(slot layout.Slot, _ bool, use func(string) error) error { return use(slotPartition(dir, slot)) }
	}
	return b
}

// pair returns the two copies of a chain.
func (c tested) pair(t *testing.T, dir string) pair {
	t.Helper()
	if s, ok := c.open(t, dir, layout.A).(trybootSlots); ok {
		return s.pair
	}
	return c.open(t, dir, layout.A).(pair)
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// script is the file that the chain's boot loader needs in a slot's directory; a disk with systemd-boot has GRUB's too.
func (c tested) script() string { return cmp.Or(c.row().Starter, grubenv.SlotFile) }

func freshGrub(t *testing.T, dir string) {
	for _, s := range layout.Slots() {
		write(t, filepath.Join(dir, "slots", string(s), "grub.cfg"), []byte("linux"))
	}
	write(t, filepath.Join(dir, "grub", "env0"), grubenv.Encode(bootstate.First(layout.A)))
	write(t, filepath.Join(dir, "grub", "env1"), make([]byte, grubenv.Size))
}

func freshUboot(t *testing.T, dir string) {
	for _, s := range layout.Slots() {
		write(t, filepath.Join(dir, "slots", string(s), "boot.scr"), []byte("booti"))
	}
	write(t, filepath.Join(dir, "state"), uboot.Fresh(layout.A))
}

// bootPair simulates the boot script.
func bootPair(t *testing.T, c tested, dir string) layout.Slot {
	p := c.pair(t, dir)
	copies := c.copies(t, dir)
	choice := p.Boot(copies[0], copies[1], true)
	if choice.Write >= 0 {
		must(t, p.put(choice.Write, p.Encode(choice.Next)))
	}
	for _, start := range choice.Start {
		if st, err := os.Stat(filepath.Join(dir, "slots", string(start.Slot), c.script())); err == nil && st.Size() > 0 {
			return start.Slot
		}
	}
	t.Fatal("no slot can be started")
	return ""
}

func freshSdboot(t *testing.T, dir string) {
	for _, e := range []struct {
		name sdboot.Name
		seq  uint64
	}{{sdboot.Trial(layout.A), 2}, {sdboot.Name{Slot: layout.B}, 1}} {
		write(t, filepath.Join(dir, sdboot.Dir, e.name.String()), sdboot.Entry{Slot: e.name.Slot, Title: "proa", Sequence: e.seq, Cmdline: "x"}.Text())
	}
}

// bootSdboot simulates systemd-boot: entries without tries last, then the highest version; an entry with a counter is
// renamed first.
func bootSdboot(t *testing.T, _ tested, dir string) layout.Slot {
	s := sdbootSlots{boot: Boot{Dir: dir}}
	var all []found
	for _, slot := range layout.Slots() {
		list, err := s.all(slot)
		if err != nil {
			continue
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(x, y found) int {
		if x.Last() != y.Last() {
			return map[bool]int{true: 1, false: -1}[x.Last()]
		}
		return int(y.Sequence) - int(x.Sequence)
	})
	first := all[0]
	if first.Counted && first.Left > 0 {
		to := first.Name
		to.Left, to.Done = to.Left-1, to.Done+1
		if err := os.Rename(filepath.Join(dir, sdboot.Dir, first.file), filepath.Join(dir, sdboot.Dir, to.String())); err != nil {
			t.Fatal(err)
		}
	}
	return first.Name.Slot
}

func (c tested) open(t *testing.T, dir string, current layout.Slot) Slots {
	t.Helper()
	s, err := Find(c.where(dir), current)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func conform(t *testing.T, do func(t *testing.T, c tested, dir string)) {
	for _, c := range chains() {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.fresh(t, dir)
			do(t, c, dir)
		})
	}
}

func TestFirstBootBecomesGood(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		if got := c.boot(t, c, dir); got != layout.A {
			t.Fatalf("first boot starts %q", got)
		}
		s := c.open(t, dir, layout.A)
		if on, left, err := s.Trial(); !on || left != 2 || err != nil {
			t.Errorf("first boot: trial %t, left %d, %v", on, left, err)
		}
		must(t, s.Good())
		must(t, s.Good()) // repeated at each boot
		if on, _, _ := s.Trial(); on {
			t.Error("still on trial")
		}
		for range 5 {
			if got := c.boot(t, c, dir); got != layout.A {
				t.Fatalf("a good slot was left for %q", got)
			}
		}
	})
}

func TestFailedTrialFallsBack(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		s := c.open(t, dir, layout.A)
		must(t, s.Good())
		must(t, s.Try())
		var order []string
		for range 5 {
			order = append(order, string(c.boot(t, c, dir)))
		}
		if got := strings.Join(order, ""); got != "bbbaa" {
			t.Errorf("boots went %s, want three tries of b, then a", got)
		}
	})
}

func TestGoodTrialStays(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
		if got := c.boot(t, c, dir); got != layout.B {
			t.Fatalf("the trial starts %q", got)
		}
		must(t, c.open(t, dir, layout.B).Good())
		for range 4 {
			if got := c.boot(t, c, dir); got != layout.B {
				t.Fatalf("after a good trial %q starts", got)
			}
		}
		must(t, c.open(t, dir, layout.B).Try()) // and back again
		if got := c.boot(t, c, dir); got != layout.A {
			t.Errorf("the second trial starts %q", got)
		}
	})
}

func TestRollback(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.B).Rollback())
		if got := c.boot(t, c, dir); got != layout.A {
			t.Errorf("after the rollback %q starts", got)
		}
	})
}

func TestNoState(t *testing.T) {
	if _, err := Find(Boot{}, layout.Shared); err != ErrNoState {
		t.Errorf("live media: %v", err)
	}
	for _, c := range chains() {
		s := c.open(t, t.TempDir(), layout.A)
		if _, _, err := s.Trial(); err == nil {
			t.Errorf("%s: no files and no error", c.name)
		}
		if err := s.Good(); err == nil {
			t.Errorf("%s: good without files", c.name)
		}
	}
}

// TestNeverGood: a rollback to a slot that never worked is refused.
func TestNeverGood(t *testing.T) {
	for _, c := range pairs() {
		dir := t.TempDir()
		c.fresh(t, dir)
		c.boot(t, c, dir)
		if err := c.open(t, dir, layout.A).Rollback(); err == nil {
			t.Errorf("%s: rolled back to an empty slot", c.name)
		}
	}
}

func TestTheCopyInForceIsNotWritten(t *testing.T) {
	for _, c := range pairs() {
		dir := t.TempDir()
		c.fresh(t, dir)
		before := c.copies(t, dir)
		must(t, c.open(t, dir, layout.A).Good())
		after := c.copies(t, dir)
		if !bytes.Equal(before[0], after[0]) {
			t.Errorf("%s: the copy in force was written", c.name)
		}
		if len(before[1]) != len(after[1]) || bytes.Equal(before[1], after[1]) {
			t.Errorf("%s: the other one holds %q", c.name, after[1])
		}
	}
}

// TestFind: every chain that starts slots has an implementation, which knows the partition with the state; live media
// have none.
func TestFind(t *testing.T) {
	for _, c := range chain.Table() {
		s, err := Find(Boot{Chain: c, State: "/dev/mmcblk0p2"}, layout.A)
		if (err == nil) != c.Disk || err != nil && !errors.Is(err, ErrNoState) {
			t.Errorf("%s: %v, %v", c.Name, s, err)
		}
		if p, ok := s.(pair); ok && c.State == chain.InPartition {
			if r, ok := p.place.(rawPartition); !ok || r.boot.State != "/dev/mmcblk0p2" {
				t.Errorf("%s: %v", c.Name, s)
			}
		}
		if s, err := Find(Boot{Chain: c}, layout.Shared); !errors.Is(err, ErrNoState) {
			t.Errorf("%s: no slot runs: %v, %v", c.Name, s, err)
		}
	}
}
