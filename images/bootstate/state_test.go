package bootstate_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

type state = bootstate.State

// plain is an encoding without redundancy; torn writes are tested with the real encodings.
func plain() bootstate.Encoding {
	return bootstate.Encoding{
		Encode: func(s state) []byte { return []byte(s.String()) },
		Decode: func(b []byte) (state, error) { return bootstate.Parse(string(b)) },
	}
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	for _, s := range statetest.States() {
		if got, err := bootstate.Parse(s.String()); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "0-a", "0-a33", "3-a3", "0ca3", "0-c3", "0-a4", "0 a3", "\x000-a"} {
		if s, err := bootstate.Parse(bad); err == nil {
			t.Errorf("%q read as %v", bad, s)
		}
	}
}

func TestChoose(t *testing.T) {
	e, junk := plain(), []byte("junk")
	for seq := range 3 {
		older := state{Seq: seq, Good: layout.A}
		newer := older.StartTrial(layout.B)
		for _, c := range []struct {
			name         string
			copy0, copy1 []byte
			want         state
			next         int
		}{
			{"second newer", e.Encode(older), e.Encode(newer), newer, 0},
			{"first newer", e.Encode(newer), e.Encode(older), newer, 1},
			{"first damaged", junk, e.Encode(older), older, 0},
			{"second damaged", e.Encode(older), junk, older, 1},
			{"same", e.Encode(older), e.Encode(older), older, 1},
		} {
			got, next, err := e.Choose(c.copy0, c.copy1)
			if err != nil || got != c.want || next != c.next {
				t.Errorf("seq %d, %s: %v to %d, %v; want %v to %d", seq, c.name, got, next, err, c.want, c.next)
			}
		}
	}
	if _, _, err := e.Choose(junk, junk); err == nil {
		t.Error("two damaged copies have a state")
	}
}

func TestTrialThatFails(t *testing.T) {
	d := statetest.New(plain())
	d.Boot()
	d.Set(d.State().MarkGood(layout.A))
	d.Set(d.State().StartTrial(layout.B))
	var got []bootstate.Start
	for range 5 {
		got = append(got, d.Boot())
	}
	want := []bootstate.Start{{layout.B, ""}, {layout.B, ""}, {layout.B, ""}, {layout.A, "b:3"}, {layout.A, "b:3"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := d.State(); !s.Failed() || s.Good != layout.A {
		t.Errorf("state after it: %v", s)
	}
	d.Set(d.State().MarkGood(layout.A))
	if s := d.Boot(); s != (bootstate.Start{Slot: layout.A}) {
		t.Errorf("after a was found good again: %v", s)
	}
}

func TestTrialThatHolds(t *testing.T) {
	d := statetest.New(plain())
	d.Set(d.State().MarkGood(layout.A))
	d.Set(d.State().StartTrial(layout.B))
	d.Boot()
	d.Set(d.State().MarkGood(layout.B))
	for range 4 {
		if s := d.Boot(); s != (bootstate.Start{Slot: layout.B}) {
			t.Errorf("%v", s)
		}
	}
}

func TestBootOrder(t *testing.T) {
	e, junk := plain(), bytes.Repeat([]byte{0x55}, 4)
	a, b := layout.A, layout.B
	for _, c := range []struct {
		name     string
		state    []byte
		canWrite bool
		want     []bootstate.Start
	}{
		{"new image", e.Encode(bootstate.First(a)), true, []bootstate.Start{{a, ""}, {b, "a:0"}, {a, ""}, {a, ""}, {b, "a:0"}}},
		{"new image, tries used up", e.Encode(state{Try: a}), true, []bootstate.Start{{b, "a:3"}, {a, ""}, {a, ""}, {b, "a:3"}}},
		{"good", e.Encode(state{Good: b}), true, []bootstate.Start{{b, ""}, {a, ""}, {b, ""}}},
		{"trial", e.Encode(state{Good: a, Try: b, Left: 1}), true, []bootstate.Start{{b, ""}, {a, "b:2"}, {a, "b:2"}, {b, ""}, {a, "b:2"}, {b, ""}}},
		{"trial that cannot be counted", e.Encode(state{Good: a, Try: b, Left: 3}), false, []bootstate.Start{{a, "b:0"}, {a, "b:0"}, {b, ""}, {a, "b:0"}, {b, ""}}},
		{"first trial that cannot be counted", e.Encode(bootstate.First(a)), false, []bootstate.Start{{a, ""}, {b, "a:0"}, {a, ""}, {a, ""}, {b, "a:0"}}},
		{"no state", junk, true, []bootstate.Start{{a, ""}, {b, ""}}},
	} {
		if diff := cmp.Diff(c.want, e.Boot(c.state, junk, c.canWrite).Start); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
