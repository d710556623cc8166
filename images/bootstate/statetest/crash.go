package statetest

import (
	"bytes"
	"testing"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// Crash runs the whole model on an encoding and logs the number of disks tried. tears is the number of torn writes of
// the same copy in a row that the encoding must detect.
func Crash(t *testing.T, e bootstate.Encoding, tears int) {
	total := 0
	for _, part := range []struct {
		name string
		run  func(*testing.T, bootstate.Encoding) int
	}{
		{"torn", torn}, {"damaged", damaged}, {"lost and reordered", lost},
		{"counted", func(t *testing.T, e bootstate.Encoding) int { return counted(t, e, tears) }},
	} {
		t.Run(part.name, func(t *testing.T) {
			disks := part.run(t, e)
			t.Logf("%d disks", disks)
			total += disks
		})
	}
	t.Logf("%d disks in all", total)
}

// torn tears every write of every state over every state that can be the other copy, and over junk beside three of
// them. The state in force afterwards is the old one or the new one, and the machine boots the good slot in the end.
func torn(t *testing.T, e bootstate.Encoding) (disks int) {
	for _, old := range States() {
		if old.Seq != 0 {
			continue // the other two states differ from it only in the digit
		}
		in := e.Encode(old)
		for _, now := range Successors(old) {
			for _, over := range beside(e, old) {
				for _, mix := range Torn(over, e.Encode(now)) {
					disks++
					d := Disk{e, [2][]byte{in, mix}}
					got := d.State()
					if got != old && got != now {
						t.Fatalf("%v written beside %v reads as %v", now, old, got)
					}
					if err := d.recovers(got.Good); err != nil {
						t.Fatalf("%v written beside %v: %v", now, old, err)
					}
				}
			}
		}
	}
	return disks
}

// beside returns the second copies that leave old in force.
func beside(e bootstate.Encoding, old bootstate.State) [][]byte {
	var list [][]byte
	for _, s := range States() {
		if s.Try == layout.Shared && s.Left == 0 && s.Seq != (old.Seq+1)%3 { // its trial does not matter
			list = append(list, e.Encode(s))
		}
	}
	if size := len(list[0]); old.Good == layout.A && old.Left == 0 {
		list = append(list, Junk(size), make([]byte, size), bytes.Repeat([]byte{0xff}, size))
	}
	return list
}

// damaged puts junk beside every state: one valid copy is enough, and the next write repairs the other.
func damaged(t *testing.T, e bootstate.Encoding) (disks int) {
	junk := Junk(len(e.Encode(bootstate.State{})))
	for _, s := range States() {
		for place := range 2 {
			disks++
			d := Disk{e, [2][]byte{junk, junk}}
			d.Copies[place] = e.Encode(s)
			if got := d.State(); got != s {
				t.Fatalf("copy %d says %v, in force is %v", place, s, got)
			}
			next := s.MarkGood(layout.B)
			if d.Set(next); d.State() != next {
				t.Fatalf("%v written beside %v and junk: in force is %v", next, s, d.State())
			}
			if _, err := e.Decode(d.Copies[1-place]); err != nil {
				t.Fatalf("the damaged copy was not written: %v", err)
			}
		}
	}
	if c := e.Boot(junk, junk, true); len(c.Start) != 2 || c.Write != -1 {
		t.Errorf("two damaged copies: %v", c)
	}
	return disks + 1
}

// lost tests writes of the boot loader, which are not flushed until the device flushes. After a power cut each copy may
// hold any of the versions written since, and the last of one of them may be torn. In every case only the good slot and
// the slot on trial are started, and the good one after all tries at the latest.
func lost(t *testing.T, e bootstate.Encoding) (disks int) {
	for _, first := range States() {
		if first.Seq != 0 {
			continue
		}
		for _, s0 := range Successors(first) {
			d := Disk{e, [2][]byte{e.Encode(first), e.Encode(s0)}}
			versions := [2][][]byte{{d.Copies[0]}, {d.Copies[1]}}
			for range bootstate.MaxTries {
				before := d.Copies
				d.Boot()
				for i := range before {
					if !bytes.Equal(before[i], d.Copies[i]) {
						versions[i] = append(versions[i], Torn(before[i], d.Copies[i])[1:]...)
					}
				}
			}
			for _, copy0 := range versions[0] {
				for _, copy1 := range versions[1] {
					disks++
					if err := (Disk{e, [2][]byte{copy0, copy1}}).recovers(s0.Good); err != nil {
						t.Fatalf("from %v and %v: %.80q and %.80q: %v", first, s0, copy0, copy1, err)
					}
				}
			}
		}
	}
	return disks
}

// counted starts a trial that never succeeds, while up to two of the boot loader's writes are lost or torn. A torn
// write starts nothing; so there are at most as many starts as tries and lost writes together.
func counted(t *testing.T, e bootstate.Encoding, tears int) int {
	c := counter{t: t, Encoding: e}
	for seq := range 3 {
		s := bootstate.State{Seq: seq, Good: layout.A}
		d := Disk{e, [2][]byte{e.Encode(s.Older()), e.Encode(s)}}
		d.Set(s.StartTrial(layout.B))
		c.boot(d.Copies, faults{left: 2, tears: tears})
	}
	return c.disks
}

type counter struct {
	bootstate.Encoding
	t     *testing.T
	disks int
}

// faults are the faults that a disk has had, and those that may still come.
type faults struct{ starts, lost, left, tears int }

func (c *counter) boot(before [2][]byte, f faults) {
	c.disks++
	d := Disk{c.Encoding, before}
	if d.Boot().Slot == layout.A {
		return
	}
	started := f
	if started.starts++; started.starts > bootstate.MaxTries+f.lost {
		c.t.Fatalf("%d starts with %d lost writes", started.starts, f.lost)
	}
	c.boot(d.Copies, started)
	if f.left--; f.left < 0 {
		return
	}
	c.boot(before, faults{started.starts, f.lost + 1, f.left, f.tears})
	if f.tears--; f.tears < 0 {
		return
	}
	for i := range before {
		for _, mix := range Torn(before[i], d.Copies[i])[1:] {
			cut := before
			cut[i] = mix
			c.boot(cut, f)
		}
	}
}
