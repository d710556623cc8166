package blackbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/sys"
)

// disk is a file instead of a boot partition; the sectors of the black box are scattered in it in reverse order.
func disk(t *testing.T) (Place, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, bytes.Repeat([]byte{0x55}, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Place{Device: file}
	for i := range box.Sectors {
		p.At = append(p.At, int64(box.Sectors-i)*4096+512)
	}
	if _, err := p.Read(); errors.Is(err, unix.EINVAL) {
		t.Skipf("the file system of %s has no direct access", file)
	}
	return p, file
}

// TestPut: a record changes its own sector of the disk and no other byte.
func TestPut(t *testing.T) {
	p, file := disk(t)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := p.Put(box.Record{Slot: layout.B, Try: 1, State: box.Started, Step: fmt.Sprintf("step %d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := p.Read()
	if rep := box.Parse(raw).Report(layout.B); err != nil || rep.String() != "slot b was started once and is not good yet; it reached: step 2 (started at 0 s, not finished)" {
		t.Errorf("%v, %v", rep, err)
	}
	after, err := os.ReadFile(file)
	if err != nil || len(after) != len(before) {
		t.Fatal(len(after), err)
	}
	for at := 0; at < len(before); at += layout.Sector {
		ours := bytes.HasPrefix(after[at:], []byte("proa-blackbox-1\n"))
		if changed := !bytes.Equal(before[at:at+512], after[at:at+512]); changed != ours || ours && int64(at) != p.At[5] && int64(at) != p.At[13] {
			t.Errorf("offset %d: changed %t", at, changed)
		}
	}
}

// TestPlaceNotKnown: nothing is written if the location is unknown.
func TestPlaceNotKnown(t *testing.T) {
	p, _ := disk(t)
	for name, bad := range map[string]Place{"none": {}, "no sectors": {Device: p.Device}, "some": {Device: p.Device, At: p.At[:3]}} {
		if _, err := bad.Put(box.Record{Slot: layout.A, Try: 1, State: box.Started}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if err := p.write(0, []byte("short")); err == nil {
		t.Error("part of a sector was written")
	}
	if _, err := Find(p.Device, "/nowhere"); err == nil {
		t.Error("a file that has no such device was found there")
	}
}

// lines are the records written and the messages logged. A record that hangs is written by a goroutine that never ends.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) { l.mu.Lock(); defer l.mu.Unlock(); l.all = append(l.all, s) }

func (l *lines) get() []string { l.mu.Lock(); defer l.mu.Unlock(); return slices.Clone(l.all) }

// recorder records into memory.
func recorder(put func(box.Record) error) (*Recorder, *lines) {
	said := &lines{}
	logf := func(format string, args ...any) { said.add("log: " + fmt.Sprintf(format, args...)) }
	r := Record(Place{}, box.Record{Slot: layout.B, Try: 2, Root: "r"}, func() time.Duration { return time.Minute }, logf)
	r.put = func(rec box.Record) error {
		said.add(strings.TrimRight(fmt.Sprintf("%s%d %s %s %s", rec.Slot, rec.Try, rec.State, rec.Step, rec.Error), " "))
		return put(rec)
	}
	return r, said
}

// TestRecorder: the records on the disk after each possible outcome of a try. The last record stays the last.
func TestRecorder(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Recorder)
		want []string
	}{
		"good":     {func(r *Recorder) { r.Begin("stage2 data"); r.Good(false); r.Down("SIGTERM") }, []string{"b2 started stage2 data", "b2 good"}},
		"given up": {func(r *Recorder) { r.Begin("x"); r.GiveUp("health: node Ready", "k"); r.Down("slot b"); r.Good(false) }, []string{"b2 started x", "b2 failed health: node Ready k"}},
		"down":     {func(r *Recorder) { r.Begin("x"); r.Down("power button"); r.Begin("y") }, []string{"b2 started x", "b2 ended x power button"}},
		"late":     {func(r *Recorder) { r.Begin("x"); r.GiveUp("", "not done") }, []string{"b2 started x", "b2 failed x not done"}},
		"warned":   {func(r *Recorder) { r.Begin("x"); r.Failed("x", "e"); r.Begin("y") }, []string{"b2 started x", "b2 failed x e", "b2 started y"}},
	} {
		r, said := recorder(func(box.Record) error { return nil })
		c.do(r)
		if d := cmp.Diff(c.want, said.get()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	var none *Recorder // for a slot that is not on trial
	none.Begin("x")
	none.Look()
	none.Failed("x", "")
	none.GiveUp("x", "")
	none.Good(true)
	none.Down("")
}

// TestConsole: a record has the newest lines of the console. During a step that takes long it is written again when there are
// others, at most once a minute, and not after the step has failed or the slot is good.
func TestConsole(t *testing.T) {
	var got []string
	r, _ := recorder(func(rec box.Record) error {
		got = append(got, fmt.Sprintf("%s %s %s", rec.State, rec.Step, strings.Join(rec.Console, ",")))
		return nil
	})
	now, console := time.Minute, []string{"a"}
	r.clock, r.last = func() time.Duration { return now }, func() []string { return console }
	look := func(after time.Duration, lines ...string) { now, console = now+after, lines; r.Look() }
	r.Begin("x")
	look(time.Hour, "a")
	look(0, "a", "b")
	look(time.Second, "c")
	look(time.Minute, "c")
	r.Failed("x", "e")
	look(time.Hour, "d")
	r.Begin("y")
	r.Good(false)
	look(time.Hour, "f")
	if d := cmp.Diff([]string{"started x a", "started x a,b", "started x c", "failed x c", "started y d", "good  "}, got); d != "" {
		t.Error(d)
	}
}

// TestBootGoesOn: if the disk returns errors, hangs, or the writer panics, only the record is lost, and one timeout.
func TestBootGoesOn(t *testing.T) {
	for name, put := range map[string]func(box.Record) error{
		"refuses": func(box.Record) error { return unix.EIO }, "hangs": func(box.Record) error { select {} }, "panics": func(box.Record) error { panic("x") },
	} {
		r, said := recorder(put)
		began := time.Now()
		for range 5 {
			r.Begin("x")
		}
		r.Good(false)
		if took := time.Since(began); took > patience+2*time.Second {
			t.Errorf("%s: the boot waited %s", name, took)
		}
		if got := said.get(); len(got) != 2 || !strings.HasPrefix(got[1], "log: black box: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTell: black box, boot state and command line together say which slot failed, for every boot chain.
func TestTell(t *testing.T) {
	var tried, told, good box.Box
	for _, b := range []*box.Box{&tried, &told, &good} {
		b.Put(box.Record{Slot: layout.B, Try: 1, State: box.Started, Step: "stage2 mounts"})
		b.Put(box.Record{Slot: layout.B, Try: 2, State: box.Failed, Step: "stage2 network", Error: "no link"})
	}
	told.Put(box.Record{Slot: layout.B, State: box.GivenUp, Try: 2})
	good.Put(box.Record{Slot: layout.B, State: box.Good, Try: 2})
	const reached = "; it reached: stage2 network (failed: no link)"
	for _, c := range []struct {
		name    string
		b       box.Box
		f       Facts
		want    string
		verdict bool
	}{
		{"nothing", box.Box{}, Facts{Current: layout.A}, "", false},
		{"command line", box.Box{}, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "b", Tries: 3}}, "slot b was given up after 3 tries; it never reached PID 1 (kernel or initramfs)", true},
		{"command line, not loaded", box.Box{}, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "b", Tries: 0}}, "slot b could not be loaded by the boot loader", true},
		{"command line about itself", box.Box{}, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "a", Tries: 3}}, "", false},
		{"boot state", box.Box{}, Facts{Current: layout.A, Other: slot.Standing{GivenUp: true, Tries: 3}}, "slot b was given up after 3 tries; it never reached PID 1 (kernel or initramfs)", true},
		{"box and command line", tried, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "b", Tries: 2}}, "slot b was given up after 2 tries" + reached, true},
		{"the box counted more", tried, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "b", Tries: 1}}, "slot b was given up after 2 tries" + reached, true},
		{"the box alone", tried, Facts{Current: layout.A}, "slot b was started 2 times and is not good yet" + reached, false},
		{"the next boot", told, Facts{Current: layout.A}, "slot b was given up after 2 tries" + reached, false},
		{"told already", told, Facts{Current: layout.A, Fallback: cmdline.Fallback{Slot: "b", Tries: 3}}, "slot b was given up after 2 tries" + reached, false},
		{"good since", good, Facts{Current: layout.A}, "", false},
		{"the trial itself", tried, Facts{Current: layout.B, Try: 2}, "slot b was started once and is not good yet; it reached: stage2 mounts (started at 0 s, not finished)", false},
		{"its first try", tried, Facts{Current: layout.B, Try: 1}, "", false},
	} {
		reports := Tell(c.b, c.f)
		var got []string
		for _, r := range reports {
			got = append(got, r.String())
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		v := Verdict(c.b, reports)
		if (v != nil) != c.verdict {
			t.Errorf("%s: verdict %+v", c.name, v)
		}
		if v == nil {
			continue
		}
		c.b.Put(*v)
		if after := Tell(c.b, Facts{Current: layout.A}); len(after) != 1 || after[0].String() != c.want || Verdict(c.b, after) != nil {
			t.Errorf("%s: the boot after that tells %v", c.name, after)
		}
	}
}

// TestRenewWithout: on a boot partition of an older release there is nothing to renew.
func TestRenewWithout(t *testing.T) {
	if err := Renew(sys.Linux{}, t.TempDir(), "/nowhere", layout.B); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, box.File), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Renew(sys.Linux{}, dir, "/nowhere", layout.B); err == nil || !strings.HasPrefix(err.Error(), "black box: ") {
		t.Errorf("a file of another size: %v", err)
	}
}

// TestStarts: boots of a slot that is watched are counted until one arrives; those of one that is not watched, of another
// image and of the other slot are not, and none of them is a trial.
func TestStarts(t *testing.T) {
	p, _ := disk(t)
	starting := func(want int, s layout.Slot, root string) {
		t.Helper()
		if lost, err := p.starting(box.Record{Slot: s, Root: root, After: time.Second}); err != nil || lost != want {
			t.Errorf("slot %s, %s: %d lost, %v; want %d", s, root, lost, err, want)
		}
		raw, err := p.Read()
		if rep := box.Parse(raw).Report(s); err != nil || !rep.Empty() {
			t.Errorf("a trial: %v, %v", rep, err)
		}
	}
	put := func(r box.Record) {
		t.Helper()
		if _, err := p.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	arrived := func(watched bool) {
		t.Helper()
		if err := p.Arrived(layout.B, "new", watched); err != nil {
			t.Fatal(err)
		}
	}
	starting(0, layout.B, "new")
	put(box.Record{Slot: layout.B, State: box.Good, Root: "new"})
	starting(0, layout.B, "new")
	starting(0, layout.B, "new")
	put(box.Record{Slot: layout.B, State: box.Good, Root: "new", Step: box.Watched})
	starting(0, layout.B, "new")
	starting(1, layout.B, "new")
	starting(0, layout.A, "new")
	starting(0, layout.B, "other")
	arrived(true)
	starting(0, layout.B, "new")
	for _, lost := range []int{1, 2, 3, 3} { // as many as there are sectors
		starting(lost, layout.B, "new")
	}
	arrived(false)
	starting(0, layout.B, "new")
	starting(0, layout.B, "new")
	put(box.Record{Slot: layout.B, State: box.Good, Root: "new", Step: box.Watched})
	starting(0, layout.B, "new")
	put(box.Record{Slot: layout.B, State: box.Fresh})
	starting(0, layout.B, "new")
}
