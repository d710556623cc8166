package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/layout"
)

var (
	monday = time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	v1     = Release{"v1", "aaaa", layout.A}
	v2     = Release{"v2", "bbbb", layout.B}
)

func begun(state State) Journal {
	var j Journal
	j.Begin(Entry{From: v1, To: v2, Source: "releases.example.org", By: "schedule", Began: monday})
	j.Entries[0].State = state
	return j
}

// TestSettle: what the boot after it says about an upgrade.
func TestSettle(t *testing.T) {
	lost := &blackbox.Report{Slot: layout.B, GivenUp: true, Tries: 3, Left: []blackbox.Try{{Try: 3, Step: "network", State: blackbox.Failed, Error: "no link"}}}
	for _, test := range []struct {
		state State
		facts Facts
		want  string // result: reason; given up
	}{
		{Trying, Facts{Running: v2, Boot: true}, ""},
		{Trying, Facts{Running: v2, Good: true}, "succeeded"},
		{Trying, Facts{Running: v1, Boot: true, Good: true, Other: lost}, "rolled back: slot b was given up after 3 tries; it reached: network (failed: no link) v2"},
		{Trying, Facts{Running: v1, Boot: true}, "rolled back: the old slot was started again, by command or in the boot menu v2"},
		{Trying, Facts{Running: v1, Good: true}, ""}, // marked good between try and reboot
		{Writing, Facts{Running: v1, Good: true}, ""},
		{Writing, Facts{Running: v1, Boot: true}, "aborted: the machine was restarted before the slot was written"},
		{Written, Facts{Running: v1, Boot: true}, ""},
		{Written, Facts{Running: v2, Good: true}, "succeeded"}, // proa slot try
		{Written, Facts{Running: v1, Boot: true, Other: &blackbox.Report{Slot: layout.B, GivenUp: true}}, "rolled back: slot b could not be loaded by the boot loader v2"},
	} {
		j := begun(test.state)
		changed := j.Settle(test.facts, monday)
		got := strings.TrimSuffix(string(j.Entries[0].Result)+": "+j.Entries[0].Reason, ": ")
		for _, g := range j.GivenUp {
			got += " " + g.Version
		}
		if got != test.want || changed != (test.want != "") || changed && j.Open() != nil {
			t.Errorf("%s %+v: %q", test.state, test.facts, got)
		}
	}
	if (&Journal{}).Settle(Facts{Boot: true}, monday) {
		t.Error("an empty journal was changed")
	}
}

// TestTrialIsTimed: when the trial ended is kept, also if the slot is given up later; of a trial by proa slot try the begin
// is not known.
func TestTrialIsTimed(t *testing.T) {
	said := func(j Journal) string { return j.Entries[0].Text() }
	j := begun(Trying)
	j.Entries[0].Tried = monday
	j.Settle(Facts{Running: v2, Good: true}, monday.Add(252*time.Second))
	j.Settle(Facts{Running: v1, Boot: true, Other: &blackbox.Report{Slot: layout.B, GivenUp: true, Why: "after good: x", Root: v2.Root}}, monday.Add(9*time.Hour))
	if got := said(j); j.Entries[0].Result != RolledBack || !strings.Contains(got, ", trial of 4m12s\n") {
		t.Errorf("%s", got)
	}
	j = begun(Trying)
	j.Entries[0].Tried = monday
	j.Settle(Facts{Running: v1, Boot: true}, monday.Add(time.Hour))
	if got := said(j); !strings.Contains(got, ", trial of 1h0m0s\n") {
		t.Errorf("%s", got)
	}
	j = begun(Written)
	j.Settle(Facts{Running: v2, Good: true}, monday.Add(time.Hour))
	if got := said(j); strings.Contains(got, "trial of") {
		t.Errorf("%s", got)
	}
}

// TestConsole: the lines of the black box are kept unless the kernel has kept a panic; they are few and short, and the
// newest are kept.
func TestConsole(t *testing.T) {
	lost := &blackbox.Report{Slot: layout.B, GivenUp: true, Tries: 1, Left: []blackbox.Try{{Try: 1, Step: "stage2 data", State: blackbox.Started, Console: []string{"box"}}}}
	for _, panicked := range []bool{false, true} {
		j, want := begun(Trying), "black box box"
		if panicked {
			j.Lost(Facts{Running: v2}, false).Console = nodeupgrade.Console{From: "pstore", Lines: []string{"panic"}}
			want = "pstore panic"
		}
		j.Settle(Facts{Running: v1, Boot: true, Other: lost}, monday)
		if c := j.Entries[0].Console; c.From+" "+strings.Join(c.Lines, " ") != want {
			t.Errorf("%+v", c)
		}
	}
	j := begun(Trying)
	for n := range 40 {
		j.Entries[0].Console.Lines = append(j.Entries[0].Console.Lines, fmt.Sprintf("%s\x1b[1m%d", strings.Repeat("x", n*10), n))
	}
	j.trim()
	lines, size := j.Entries[0].Console.Lines, 0
	for _, l := range lines {
		size += len(l)
	}
	if len(lines) == 0 || len(lines) > MaxConsole || size > maxConsole || !strings.HasSuffix(lines[len(lines)-1], "x [1m39") {
		t.Errorf("%d bytes, %q", size, lines)
	}
}

// TestGivenUp: the root hash decides where both are known; success and the user forgive.
func TestGivenUp(t *testing.T) {
	j := begun(Trying)
	j.Settle(Facts{Running: v1, Boot: true}, monday)
	other := Release{Version: "v2", Root: "cccc"}
	if j.GaveUp(v2) == nil || j.GaveUp(Release{Version: "v2"}) == nil || j.GaveUp(other) != nil || j.GaveUp(v1) != nil {
		t.Errorf("%+v", j.GivenUp)
	}
	if !j.Forgive(v2) || j.GaveUp(v2) != nil || j.Forgive(v2) {
		t.Errorf("%+v", j.GivenUp)
	}
	j = begun(Trying)
	j.Settle(Facts{Running: v2, Good: true}, monday)
	j.RollBack(v2, "proa slot rollback", monday)
	if e := j.Entries[0]; e.Result != RolledBack || e.Reason != "proa slot rollback" || j.GaveUp(v2) == nil {
		t.Errorf("%+v", j)
	}
}

// TestGivenUpLater: a slot that was good and was given up later is an upgrade that was rolled back, once; another slot's
// report changes nothing.
func TestGivenUpLater(t *testing.T) {
	report := func(root string) Facts {
		return Facts{Running: v1, Boot: true, Other: &blackbox.Report{Slot: layout.B, GivenUp: true, Why: "after good: the watchdog reset the machine", Root: root}}
	}
	j := begun(Trying)
	j.Settle(Facts{Running: v2, Good: true}, monday)
	if j.Settle(report("cccc"), monday) || j.Settle(report(""), monday) || j.Entries[0].Result != Succeeded {
		t.Errorf("another slot: %+v", j)
	}
	if !j.Settle(report("bbbb"), monday) || j.Settle(report("bbbb"), monday) {
		t.Error("not recorded, or twice")
	}
	want := "slot b was good and was given up later, so slot a runs; the watchdog reset the machine"
	if e := j.Entries[0]; e.Result != RolledBack || e.Reason != want || j.GaveUp(v2) == nil || j.Sequence != e.Sequence {
		t.Errorf("%+v", j)
	}
	j.Begin(Entry{From: v1, To: v2, By: "command", Began: monday}) // again, by command
	j.Entries[1].State = Trying
	j.Settle(Facts{Running: v2, Good: true}, monday)
	if !j.Settle(report("bbbb"), monday) || j.Entries[1].Result != RolledBack {
		t.Errorf("the second time: %+v", j)
	}
}

// TestFile: the file stays bounded, a damaged one is replaced, writers take turns.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "upgrade", "journal.json")
	if j, err := Read(path); err != nil || len(j.Entries) != 0 {
		t.Errorf("%+v %v", j, err)
	}
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			err := Update(path, func(j *Journal) bool {
				id := j.Begin(Entry{From: v1, To: Release{Version: fmt.Sprint(i), Root: fmt.Sprint(i)}, Began: monday})
				j.End(id, Failed, strings.Repeat("ü", 10_000), monday)
				j.giveUp(Release{Version: fmt.Sprint(i)}, strings.Repeat("x", 10_000), monday)
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	j, err := Read(path)
	info, _ := os.Stat(path)
	if err != nil || len(j.Entries) != maxEntries || j.Entries[maxEntries-1].ID != 100 || info.Size() > 64<<10 {
		t.Errorf("%d entries, %d bytes, %v", len(j.Entries), info.Size(), err)
	}
	if err := os.WriteFile(path, []byte(`{"entries": [{"id": 5,`), 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := Read(path); err == nil || len(j.Entries) != 0 {
		t.Errorf("damaged: %+v %v", j, err)
	}
	if err := Update(path, func(j *Journal) bool { j.Begin(Entry{}); return true }); err != nil {
		t.Error(err)
	}
	if j, err := Read(path); err != nil || len(j.Entries) != 1 {
		t.Errorf("replaced: %+v %v", j, err)
	}
}

// TestFullDisk: the error says what is full, and what to do; the old journal stays.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	path := filepath.Join(dir, "journal.json")
	begin := func(j *Journal) bool { j.Begin(Entry{From: v1, To: v2, Began: monday}); return true }
	if err := Update(path, begin); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rest"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Update(path, begin); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the data partition is full") || !strings.Contains(err.Error(), "below /var") {
		t.Errorf("%v", err)
	}
	if j, err := Read(path); err != nil || len(j.Entries) != 1 {
		t.Errorf("%+v %v", j, err)
	}
}

// TestBegin: an entry that was left open ends when the next one begins.
func TestBegin(t *testing.T) {
	for state, want := range map[State]string{Writing: "the engine was ended while it worked", Written: "another upgrade was begun"} {
		j := begun(state)
		if id := j.Begin(Entry{Began: monday}); id != 2 || j.Entries[0].Result != Aborted || j.Entries[0].Reason != want {
			t.Errorf("%+v", j.Entries)
		}
	}
}

func TestPrint(t *testing.T) {
	j := begun(Trying)
	j.Entries[0].Way, j.Entries[0].NoSwap = ByRestart, "no soft swap: the kernel is another one"
	j.Entries[0].Tried = monday.Add(95 * time.Second)
	j.Entries[0].Wrote, j.Entries[0].Bytes, j.Entries[0].Kind = monday.Add(90*time.Second), 3_700_000, "patch from v1"
	j.Settle(Facts{Running: v1, Boot: true, Other: &blackbox.Report{Slot: layout.B, GivenUp: true, Tries: 2,
		Left: []blackbox.Try{{Try: 2, Step: "health: node", State: blackbox.Failed, Error: "not Ready",
			Console: []string{"[  901.2] proa: status k3s restarting", "[  903.4] mmc0: timeout waiting for hardware interrupt"}}}}}, monday.Add(time.Hour))
	id := j.Begin(Entry{From: v1, Source: "/media/stick", By: "command", Began: monday.Add(24 * time.Hour)})
	j.End(id, Failed, "check: the slot file is for the board rpi3, this machine is pc\nslot b is as it was", monday.Add(24*time.Hour))
	j.Begin(Entry{From: v1, To: v2, Source: "releases.example.org", By: "command", Began: monday.Add(48 * time.Hour)})
	var b bytes.Buffer
	Journal{}.Print(&b)
	j.Print(&b)
	golden.Check(t, "log", b.String())
}
