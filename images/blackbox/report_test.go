package blackbox

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/layout"
)

// TestLines: which slot, how many tries, which step each time.
func TestLines(t *testing.T) {
	start := func(try int, root, step string) Record {
		return Record{Slot: layout.B, Try: try, State: Started, Root: root, Step: step}
	}
	verdict := func(s State, tries int) Record { return Record{Slot: layout.B, Try: tries, State: s} }
	for name, c := range map[string]struct {
		write []Record
		want  []string
	}{
		"nothing": {nil, nil},
		"was good": {[]Record{start(1, "x", "old"), verdict(Good, 0), {Slot: layout.B, State: GivenUp, Step: "stage1 map-verity", Error: "verity tree: input/output error"}},
			[]string{"slot b was good and cannot be started any more, so slot a runs; stage1 map-verity: verity tree: input/output error"}},
		"was good, for a while": {[]Record{verdict(Good, 0), {Slot: layout.B, State: GivenUp, Step: AfterGood, Error: "the watchdog reset the machine"}},
			[]string{"slot b was good and was given up later, so slot a runs; the watchdog reset the machine"}},
		"not loaded": {[]Record{verdict(GivenUp, 0)}, []string{"slot b could not be loaded by the boot loader"}},
		"left nothing at all": {[]Record{verdict(GivenUp, 3)}, []string{
			"slot b was given up after 3 tries; it never reached PID 1 (kernel or initramfs)",
			"try 1 never reached PID 1 (kernel or initramfs)", "try 2 never reached PID 1 (kernel or initramfs)", "try 3 never reached PID 1 (kernel or initramfs)"}},
		"left something once": {[]Record{failed(2, "stage2 data", "io"), verdict(GivenUp, 3)}, []string{
			"slot b was given up after 3 tries; it never reached PID 1 (kernel or initramfs)",
			"try 1 never reached PID 1 (kernel or initramfs)", "try 2 reached: stage2 data (failed: io)", "try 3 never reached PID 1 (kernel or initramfs)"}},
		"an older trial's sectors": {[]Record{start(1, "x", "old"), start(2, "x", "old"), start(3, "x", "old"), verdict(GivenUp, 3), start(1, "x", "stage2 data")}, []string{
			"slot b was started once and is not good yet; it reached: stage2 data (started at 0 s, not finished)", "try 1 reached: stage2 data (started at 0 s, not finished)"}},
		"an older trial without a verdict": {[]Record{start(1, "x", "old"), start(3, "x", "old"), start(2, "x", "new")}, []string{
			"slot b was started 2 times and is not good yet; it reached: new (started at 0 s, not finished)",
			"try 1 never reached PID 1 (kernel or initramfs)", "try 2 reached: new (started at 0 s, not finished)"}},
		"another image": {[]Record{start(1, "x", "old"), start(2, "y", "new")}, []string{
			"slot b was started 2 times and is not good yet; it reached: new (started at 0 s, not finished)",
			"try 1 never reached PID 1 (kernel or initramfs)", "try 2 reached: new (started at 0 s, not finished)"}},
		"stopped by its owner": {[]Record{{Slot: layout.B, Try: 1, State: Ended, Step: "health: node Ready", Error: "power button"}, verdict(GivenUp, 1)}, []string{
			"slot b was given up after 1 try; it reached: health: node Ready (ended: power button)", "try 1 reached: health: node Ready (ended: power button)"}},
	} {
		f := file(New())
		for _, r := range c.write {
			f.put(r)
		}
		rep := Parse(f).Report(layout.B)
		var got []string
		if !rep.Empty() {
			got = append([]string{rep.String()}, rep.Lines()...)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if other := Parse(f).Report(layout.A); !other.Empty() {
			t.Errorf("%s: slot a: %v", name, other)
		}
	}
}

// TestLastConsole: the lines of the last try that has any, whether its step failed or was never finished.
func TestLastConsole(t *testing.T) {
	f := file(New())
	for try, lines := range [][]string{{"one"}, {"two", "lines"}, nil} {
		f.put(Record{Slot: layout.B, Try: try + 1, State: Started, Step: "stage2 data", Console: lines})
	}
	if got := Parse(f).Report(layout.B).Console(); !cmp.Equal(got, []string{"two", "lines"}) {
		t.Errorf("%q", got)
	}
	if got := Parse(f).Report(layout.A).Console(); got != nil {
		t.Errorf("%q", got)
	}
}

// TestBefore: while a trial runs, the report describes the tries before the running one.
func TestBefore(t *testing.T) {
	f := file(New())
	f.put(failed(1, "stage2 data", "io"))
	f.put(failed(2, "stage2 clock", "x"))
	if r := Parse(f).Report(layout.B).Before(2); strings.Join(r.Lines(), "|") != "try 1 reached: stage2 data (failed: io)" {
		t.Errorf("%q", r.Lines())
	}
	if r := Parse(f).Report(layout.B).Before(1); !r.Empty() {
		t.Errorf("before the first try: %v", r)
	}
}
