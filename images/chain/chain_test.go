package chain

import (
	"slices"
	"testing"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/layout"
)

// TestTable: the whole table as text, which docs/contracts.md quotes.
func TestTable(t *testing.T) { golden.Check(t, "chains", Table().String()) }

// TestRows: each row is complete, and its partitions are ones that a disk can have.
func TestRows(t *testing.T) {
	for _, c := range Table() {
		if c.Disk == (c.State == None) || c.Disk == (c.Counter == "") || !c.Disk && !c.Live {
			t.Errorf("%s: state %q, counter %q", c.Name, c.State, c.Counter)
		}
		if got, err := Named(c.Name); err != nil || got.Name != c.Name || !slices.Contains(Names(c.Firmware), c.Name) {
			t.Errorf("%s: found %q, %v", c.Name, got.Name, err)
		}
		for _, p := range append(c.Partitions, c.Mark...) {
			if role, slot := layout.ByName(p); role.Of(slot) != p || !slices.Contains(c.Partitions, p) {
				t.Errorf("%s: partition %q", c.Name, p)
			}
		}
		if c.OwnBoot != slices.Contains(c.Partitions, layout.Boot.Of(layout.A)) {
			t.Errorf("%s: a boot partition for each slot: %t", c.Name, c.OwnBoot)
		}
	}
	if c, err := Named("lilo"); err == nil {
		t.Errorf("lilo: %v", c)
	}
}

// TestOn: what a machine sees of its disk, and the chain that this means.
func TestOn(t *testing.T) {
	for _, c := range []struct {
		partitions []string
		uefi       bool
		want       string
	}{
		{[]string{"bios", "boot", "root-a", "root-b"}, false, GRUB},
		{[]string{"boot", "root-a", "root-b"}, false, GRUB},
		{[]string{"bios", "boot", "root-a", "root-b"}, true, SystemdBoot},
		{[]string{"boot", "state", "root-a", "root-b"}, false, UBoot},
		{[]string{"boot", "state", "root-a", "root-b"}, true, UBoot},
		{[]string{"boot", "boot-a", "state"}, false, UBoot},
		{[]string{"boot", "boot-a", "boot-b", "state"}, false, Tryboot},
		{[]string{"boot", "boot-a", "boot-b", "state"}, true, Tryboot},
		{[]string{"boot", "boot-a", "boot-b"}, false, Tryboot},
	} {
		has := func(name string) bool { return slices.Contains(c.partitions, name) }
		if got := On(Seen{Partition: has, UEFI: c.uefi}); got.Name != c.want {
			t.Errorf("%q, UEFI %t: %s, want %s", c.partitions, c.uefi, got.Name, c.want)
		}
	}
}
