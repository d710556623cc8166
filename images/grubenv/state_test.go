package grubenv

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/layout"
)

// states are all that can be written.
func states() (all []State) {
	slots := []layout.Slot{layout.Shared, layout.A, layout.B}
	for seq := range 3 {
		for _, good := range slots {
			for _, try := range slots {
				for left := range MaxTries + 1 {
					all = append(all, State{seq, good, try, left})
				}
			}
		}
	}
	return all
}

func TestEncodeIsWhatGRUBWrites(t *testing.T) {
	want := "# GRUB Environment Block\nseq=0\ngood=-\ntry=a\nleft=3\ncheck=0-a3\n"
	got := Encode(First(layout.A))
	if string(got[:len(want)]) != want || len(got) != Size || strings.Trim(string(got[len(want):]), "#") != "" {
		t.Errorf("%q", got)
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	for _, s := range states() {
		b := Encode(s)
		if got, err := Decode(b); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
		if !bytes.Equal(b[Sector:], bytes.Repeat([]byte("#"), Size-Sector)) {
			t.Errorf("%v: something stands behind the first sector", s)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(Encode(State{1, layout.A, layout.B, 2}))
	for _, bad := range []string{
		"", strings.Repeat("\x00", Size), strings.Repeat("\xff", Size), "x" + good[1:],
		strings.Replace(good, "left=2", "left=3", 1), strings.Replace(good, "check=1ab2", "check=1ab3", 1),
		strings.Replace(good, "try=b\n", "try=\n", 1),
		strings.NewReplacer("left=2", "left=7", "1ab2", "1ab7").Replace(good),
		strings.NewReplacer("seq=1", "seq=3", "1ab2", "3ab2").Replace(good),
	} {
		if s, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.60q read as %v", bad, s)
		}
	}
}

// successors are the writes that can follow a state, by GRUB and by the device.
func successors(s State) []State {
	next := []State{s.MarkGood(layout.A), s.MarkGood(layout.B), s.StartTrial(layout.A), s.StartTrial(layout.B)}
	if s.Try != layout.Shared && s.Left > 0 {
		next = append(next, s.Started())
	}
	return next
}

// A sector torn so that any one stretch of it is new: the result is the old state, the new one, or refused.
func TestTornSector(t *testing.T) {
	torn := 0
	text := len(strings.TrimRight(string(Encode(First(layout.A))), "#"))
	for _, old := range states() {
		if old.Seq != 0 {
			continue // the other two differ from it in nothing but the digit
		}
		for _, now := range successors(old) {
			a, b := Encode(old), Encode(now)
			for i := range text {
				for j := i; j <= text; j++ {
					mix := bytes.Clone(a)
					copy(mix[i:j], b[i:j])
					torn++
					if s, err := Decode(mix); err == nil && s != old && s != now {
						t.Fatalf("%v over %v, bytes %d to %d: reads as %v", now, old, i, j, s)
					}
				}
			}
		}
	}
	t.Logf("%d torn sectors", torn)
}

func TestChoose(t *testing.T) {
	junk := bytes.Repeat([]byte{0x55}, Size)
	for seq := range 3 {
		older := State{seq, layout.A, layout.Shared, 0}
		newer := older.StartTrial(layout.B)
		for _, c := range []struct {
			name       string
			env0, env1 []byte
			want       State
			next       int
		}{
			{"second newer", Encode(older), Encode(newer), newer, 0},
			{"first newer", Encode(newer), Encode(older), newer, 1},
			{"first damaged", junk, Encode(older), older, 0},
			{"second damaged", Encode(older), junk, older, 1},
			{"same", Encode(older), Encode(older), older, 1},
		} {
			got, next, err := Choose(c.env0, c.env1)
			if err != nil || got != c.want || next != c.next {
				t.Errorf("seq %d, %s: %v to %d, %v; want %v to %d", seq, c.name, got, next, err, c.want, c.next)
			}
		}
	}
	if _, _, err := Choose(junk, junk); err == nil {
		t.Error("two damaged files have a state")
	}
}

// disk is the two files; boot and set do what GRUB and the device do.
type disk [2][]byte

func (d *disk) set(s State) {
	_, next, _ := Choose(d[0], d[1])
	d[next] = Encode(s)
}

func (d *disk) boot() Start {
	c := Boot(d[0], d[1], true)
	if c.Write >= 0 {
		d[c.Write] = Encode(c.Next)
	}
	return c.Start[0]
}

func (d *disk) state() State {
	s, _, _ := Choose(d[0], d[1])
	return s
}

func newDisk() *disk {
	older := First(layout.A)
	older.Seq = 2
	return &disk{Encode(First(layout.A)), Encode(older)}
}

func TestTrialThatFails(t *testing.T) {
	d := newDisk()
	d.boot()
	d.set(d.state().MarkGood(layout.A))
	d.set(d.state().StartTrial(layout.B))
	var got []Start
	for range 5 {
		got = append(got, d.boot())
	}
	want := []Start{{layout.B, ""}, {layout.B, ""}, {layout.B, ""}, {layout.A, "b:3"}, {layout.A, "b:3"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := d.state(); !s.Failed() || s.Good != layout.A {
		t.Errorf("state after it: %v", s)
	}
	d.set(d.state().MarkGood(layout.A))
	if s := d.boot(); s != (Start{layout.A, ""}) {
		t.Errorf("after a was found good again: %v", s)
	}
}

func TestTrialThatHolds(t *testing.T) {
	d := newDisk()
	d.set(d.state().MarkGood(layout.A))
	d.set(d.state().StartTrial(layout.B))
	d.boot()
	d.set(d.state().MarkGood(layout.B))
	for range 4 {
		if s := d.boot(); s != (Start{layout.B, ""}) {
			t.Errorf("%v", s)
		}
	}
}
