package layout

import (
	"strings"
	"testing"
)

func pc() Spec {
	return Spec{FirstLBA: 2048, Align: MiB, BIOSSize: MiB, BootSize: 288 * MiB, RootSize: 512 * MiB}
}

func tryboot() Spec {
	return Spec{FirstLBA: 8192, Align: 4 * MiB, BootSize: 36 * MiB, SlotBootSize: 128 * MiB, StateSize: MiB, RootSize: 510 * MiB}
}

func TestFitGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		disk int64
		want string
	}{
		{"image: no data partition", pc(), pc().ImageSize(), `
1 bios                  2048..4095          1 MiB 21686148-6449-6E6F-744E-656564454649
2 boot   PROA-BOOT      4096..593919      288 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
3 root-a              593920..1642495     512 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
4 root-b             1642496..2691071     512 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
`},
		{"32 GB card, 4 MiB erase blocks, no GRUB", Spec{FirstLBA: 8192, Align: 4 * MiB, BootSize: 288 * MiB, RootSize: 510 * MiB}, 31_914_983_424, `
1 boot   PROA-BOOT      8192..598015      288 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
2 root-a              598016..1642495     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
3 root-b             1646592..2691071     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
4 data   proa-data   2695168..62332927  29120 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
`},
		{"the same by U-Boot", Spec{FirstLBA: 8192, Align: 4 * MiB, BootSize: 288 * MiB, StateSize: MiB, RootSize: 510 * MiB}, 31_914_983_424, `
1 boot   PROA-BOOT      8192..598015      288 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
2 state               598016..600063        1 MiB 8DA63339-0007-60C0-C436-083AC8230908
3 root-a              606208..1650687     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
4 root-b             1654784..2699263     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
5 data   proa-data   2703360..62332927  29116 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
`},
		{"the same by tryboot", tryboot(), 31_914_983_424, `
1 boot   PROA-BOOT      8192..81919        36 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
2 boot-a PROA-BOOT-A     81920..344063      128 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
3 boot-b PROA-BOOT-B    344064..606207      128 MiB C12A7328-F81F-11D2-BA4B-00A0C93EC93B
4 state               606208..608255        1 MiB 8DA63339-0007-60C0-C436-083AC8230908
5 root-a              614400..1658879     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
6 root-b             1662976..2707455     510 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
7 data   proa-data   2711552..62332927  29112 MiB 0FC63DAF-8483-4772-8E79-3D69D8477DE4
`},
	} {
		table, err := c.spec.Fit(c.disk)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got strings.Builder
		for _, p := range table {
			got.WriteString(p.String() + "\n")
		}
		if got.String() != c.want[1:] {
			t.Errorf("%s:\n%s, want%s", c.name, got.String(), c.want)
		}
	}
}

// For every disk size the partitions are aligned, ordered, do not overlap, and end before the backup GPT.
func TestFitAlwaysFits(t *testing.T) {
	for _, spec := range []Spec{pc(), {FirstLBA: 8192, Align: 4 * MiB, BootSize: 100 * MiB, StateSize: MiB, RootSize: 333 * MiB}, tryboot()} {
		for _, size := range []int64{spec.ImageSize(), spec.ImageSize() + 1, spec.ImageSize() + 64*MiB + 4*MiB, 7_999_999_488, 3_000_592_982_016} {
			table, err := spec.Fit(size)
			if err != nil {
				t.Fatal(err)
			}
			end := spec.FirstLBA * Sector
			for i, p := range table {
				if p.Start < end || p.Start%spec.Align != 0 || p.Size%Sector != 0 || p.Size <= 0 || p.Index != i+1 {
					t.Errorf("disk of %d: %v", size, p)
				}
				end = p.Start + p.Size
			}
			if end > size-gptReserve {
				t.Errorf("disk of %d: ends at %d", size, end)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := pc().Fit(pc().ImageSize() - 1); err == nil {
		t.Error("a disk that is too small was accepted")
	}
	for name, change := range map[string]func(*Spec){
		"alignment": func(s *Spec) { s.Align = 0 },
		"first LBA": func(s *Spec) { s.FirstLBA = 34 },
		"size":      func(s *Spec) { s.RootSize = 0 },
		"sector":    func(s *Spec) { s.BootSize = 1000 },
	} {
		s := pc()
		change(&s)
		if _, err := s.Fit(1 << 40); err == nil {
			t.Errorf("wrong %s accepted", name)
		}
	}
}

func TestFind(t *testing.T) {
	spec := pc()
	spec.StateSize = MiB
	table, err := spec.Fit(1 << 40)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		role Role
		slot Slot
		want string
	}{
		{Root, A, "root-a"}, {Root, A.Other(), "root-b"}, {Root, B.Other(), "root-a"},
		{Boot, B, "boot"}, {Boot, Shared, "boot"}, {Data, Shared, "data"}, {BIOS, Shared, "bios"}, {State, B, "state"},
	} {
		p, err := table.Find(c.role, c.slot)
		if err != nil || p.Name != c.want {
			t.Errorf("%s %s: %s, %v", c.role, c.slot, p.Name, err)
		}
		if role, slot := ByName(p.Name); role != p.Role || slot != p.Slot {
			t.Errorf("%s is %s %s by name", p.Name, role, slot)
		}
	}
	if p, err := table.Find(Root, Shared); err == nil {
		t.Errorf("a root of no slot: %v", p)
	}
	if role, _ := ByName("swap"); role != "" {
		t.Errorf("swap is %s", role)
	}
}

// TestFindBootOfSlot: if each slot has a boot partition of its own, Find returns the shared one for neither slot.
func TestFindBootOfSlot(t *testing.T) {
	table, err := tryboot().Fit(1 << 40)
	if err != nil {
		t.Fatal(err)
	}
	for slot, want := range map[Slot]string{Shared: "boot", A: "boot-a", B: "boot-b"} {
		p, err := table.Find(Boot, slot)
		if err != nil || p.Name != want || p.Slot != slot {
			t.Errorf("boot of slot %q: %v, %v", slot, p, err)
		}
		if role, of := ByName(want); role != Boot || of != slot {
			t.Errorf("%s is %s %s by name", want, role, of)
		}
	}
}

func TestSlots(t *testing.T) {
	for _, s := range Slots() {
		if p, err := ParseSlot(string(s)); err != nil || p != s || s.Other().Other() != s || s.Other() == s {
			t.Errorf("%s: %s, %v", s, p, err)
		}
	}
	for _, bad := range []string{"", "A", "c", "ab"} {
		if _, err := ParseSlot(bad); err == nil {
			t.Errorf("slot %q accepted", bad)
		}
	}
}
