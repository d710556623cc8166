package blackbox

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

// file is a black box on a disk.
type file []byte

func (f file) put(r Record) {
	b := Parse(f)
	at, text := b.Put(r)
	copy(f[at*layout.Sector:], text)
}

func TestNewIsEmpty(t *testing.T) {
	b := Parse(New())
	for _, s := range layout.Slots() {
		if r := b.Report(s); !r.Empty() {
			t.Errorf("%s: %v", s, r)
		}
	}
	if len(New()) != 8192 || Sectors != 16 {
		t.Errorf("%d bytes, %d sectors: the format has changed, and with it magic has to", len(New()), Sectors)
	}
	for name, text := range map[string][]byte{"no file": nil, "half a file": New()[:700], "a longer one": append(New(), 1), "junk": statetest.Junk(Size)} {
		if b := Parse(text); b != (Box{}) {
			t.Errorf("%s: %v", name, b)
		}
	}
}

// life returns the records of a disk with a good slot a, a trial of b that fails three times in three ways, and another
// trial that succeeds.
func life() []Record {
	rec := func(slot layout.Slot, try int, s State, step, err string) Record {
		return Record{Slot: slot, Try: try, State: s, Step: step, Error: err, Root: "r1"}
	}
	return []Record{
		rec("a", 1, Started, "stage1 map-verity", ""), rec("a", 1, Started, "stage2 mounts", ""), rec("a", 1, Good, "", ""),
		rec("b", 0, Fresh, "", ""),
		rec("b", 1, Started, "stage1 map-verity", ""), rec("b", 1, Started, "stage1 mount-root", ""), rec("b", 1, Failed, "stage1 mount-root", "no erofs"),
		rec("b", 2, Started, "stage2 data", ""),
		rec("b", 3, Started, "stage2 network", ""), rec("b", 3, Failed, "health: default route", "there is none"), rec("b", 3, GivenUp, "", ""),
		rec("b", 0, Fresh, "", ""),
		rec("b", 1, Started, "stage2 network", ""), rec("b", 1, Good, "", ""),
	}
}

// TestTornWrites tears every write of life at every byte and in the middle, like the crash model of the boot state. The
// reports are then those from before the write or from after it, and those of other tries and of the other slot do not
// change.
func TestTornWrites(t *testing.T) {
	f, cuts := file(New()), 0
	for n, r := range life() {
		before := Parse(f)
		after := before
		at, text := after.Put(r)
		place := f[at*layout.Sector : (at+1)*layout.Sector]
		old := bytes.Clone(place)
		for _, mix := range statetest.Torn(old, text) {
			cuts++
			copy(place, mix)
			got := Parse(f)
			for _, s := range layout.Slots() {
				if rep := got.Report(s); !cmp.Equal(rep, before.Report(s)) && !cmp.Equal(rep, after.Report(s)) {
					t.Fatalf("write %d cut, slot %s: %v; before %v, after %v", n, s, rep, before.Report(s), after.Report(s))
				}
			}
		}
		copy(place, text)
	}
	if cuts < layout.Sector {
		t.Errorf("only %d disks were tried", cuts)
	}
}

// TestEveryPrefix: after each write the report describes exactly what has happened so far.
func TestEveryPrefix(t *testing.T) {
	want := []string{
		"slot a was started once and is not good yet; it reached: stage1 map-verity (started at 0 s, not finished)",
		"slot a was started once and is not good yet; it reached: stage2 mounts (started at 0 s, not finished)",
		"", "",
		"slot b was started once and is not good yet; it reached: stage1 map-verity (started at 0 s, not finished)",
		"slot b was started once and is not good yet; it reached: stage1 mount-root (started at 0 s, not finished)",
		"slot b was started once and is not good yet; it reached: stage1 mount-root (failed: no erofs)",
		"slot b was started 2 times and is not good yet; it reached: stage2 data (started at 0 s, not finished)",
		"slot b was started 3 times and is not good yet; it reached: stage2 network (started at 0 s, not finished)",
		"slot b was started 3 times and is not good yet; it reached: health: default route (failed: there is none)",
		"slot b was given up after 3 tries; it reached: health: default route (failed: there is none)",
		"",
		"slot b was started once and is not good yet; it reached: stage2 network (started at 0 s, not finished)",
		"",
	}
	f := file(New())
	for i, r := range life() {
		f.put(r)
		got := ""
		if rep := Parse(f).Report(r.Slot); !rep.Empty() {
			got = rep.String()
		}
		if got != want[i] {
			t.Errorf("write %d: %q, want %q", i, got, want[i])
		}
	}
}

// TestNeverOverTheLast: a write never overwrites the latest record of the same try, nor either record of another one.
func TestNeverOverTheLast(t *testing.T) {
	var b Box
	last := map[[2]int]int{} // key: slot and try; value: sector
	for n := range 500 {
		r := Record{Slot: layout.Slots()[n%2], Try: n % 5, State: []State{Started, Failed, Good}[n%3]}
		at, _ := b.Put(r)
		p := places(*b[at])
		if at != p[0] && at != p[1] {
			t.Fatalf("%+v went to sector %d", r, at)
		}
		if sector, ok := last[p]; ok && sector == at {
			t.Fatalf("write %d went over the one before it", n)
		}
		last[p] = at
	}
	if len(last) != 8 {
		t.Errorf("%d pairs of sectors in use, want all 8", len(last))
	}
}
