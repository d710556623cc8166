package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/powercut"
	"github.com/proa-os/proa/build/powercut/bootjudge"
	"github.com/proa-os/proa/build/powercut/writelog"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/fatends"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// recordedCuts are the disks that a power cut can leave in a recording, with their judge.
type recordedCuts struct {
	recording
	run   powercut.Run
	judge *bootjudge.Judge
	table layout.Table
}

// open reads a recording. through: the medium has no cache of its own.
func (r recording) open(t *testing.T, of string, through bool, adapted ...string) recordedCuts {
	t.Helper()
	base, err := os.Open(r.file(baseFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	c := recordedCuts{recording: r, run: powercut.Run{Base: base, Size: r.Disk, WriteThrough: through}}
	c.run.Log, err = os.ReadFile(r.file(logFile))
	if err == nil {
		c.run.Entries, err = writelog.Open(r.file(logFile), r.Disk)
	}
	if err == nil {
		c.table, _, err = gpt.Read(readOnly{base}, r.Disk)
	}
	if err != nil {
		t.Fatal(err)
	}
	boot := find(t, c.table, layout.Boot, layout.Shared)
	now, err := fat.ReadFile(readOnly{base}, boot.Start, boot.Size, r.From.Dir()+"/"+slotfile.ManifestName)
	if err != nil {
		t.Fatal(err)
	}
	next, root := slotAndRoot(t, r.file(slotFile))
	for _, p := range c.table {
		c.run.Parts = append(c.run.Parts, r.part(p, root))
	}
	row, err := chain.Named(of)
	if err != nil {
		t.Fatal(err)
	}
	known, err := ring(t).SlotKeys()
	if err != nil {
		t.Fatal(err)
	}
	j := bootjudge.Judge{Chain: row, Keys: known, Size: r.Disk, Table: c.table, From: r.From, Manifests: map[layout.Slot][]byte{r.From: now, r.From.Other(): next}}
	before, err := c.run.Before()
	if err == nil {
		c.judge, err = bootjudge.New(j, before, adapted...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// part returns how much of a partition matters.
func (r recording) part(p layout.Partition, root []byte) powercut.Part {
	out := powercut.Part{Name: p.Name, At: p.Start, Size: p.Size}
	switch {
	case p.Role == layout.Data:
		out.Kind = powercut.Ignored
	case p.Role == layout.Root:
		if out.Kind = powercut.Whole; p.Slot != r.From {
			out.Want, out.Len = bytes.NewReader(root), int64(len(root))
		}
	}
	return out
}

// slotAndRoot returns the manifest and the root image of a slot file.
func slotAndRoot(t *testing.T, path string) (manifest, root []byte) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := slotfile.NewReader(f)
	for err == nil {
		var e *slotfile.Entry
		if e, err = r.Next(); err != nil || e == nil {
			break
		}
		if e.Name == slotfile.RootName {
			root, err = io.ReadAll(e)
		}
	}
	if err != nil || root == nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r.Raw, root
}

// phase returns the phase in which an operation of the log was issued.
func (r recording) phase(head int64) (now phase) {
	for _, p := range phases {
		if r.Marks[p] <= head {
			now = p
		}
	}
	return now
}

// judgedState is a state with its verdict.
type judgedState struct {
	powercut.State
	bootjudge.Verdict
	phase phase
	torn  bool // a directory goes on behind its end, which init/fatmend clears
}

// tally counts what the judge saw.
type tally struct {
	powercut.Count
	failed int
	by     map[string]int
}

// all judges every distinct state. A run in which nothing may fail reports the first ten failures.
func (c recordedCuts) all(t *testing.T, b powercut.Bounds) (list []judgedState, n tally) {
	t.Helper()
	n.by = map[string]int{}
	count, err := c.run.Each(b, func(s powercut.State, m *powercut.Image) error {
		at := judgedState{State: s, phase: c.phase(s.Head)}
		v, err := c.judge.Look(m)
		if err == nil {
			err = c.mayStart(at.phase, v)
		}
		if at.Verdict = v; err != nil {
			if n.failed++; n.failed <= 10 {
				t.Errorf("%s: %s: %v", at.phase, s, err)
			}
			return nil
		}
		if at.torn = c.torn(t, m); at.torn {
			n.by["of them with half a name"]++
		}
		how := fmt.Sprintf("%s starts %s", at.phase, v.Slot)
		switch {
		case v.Boots > 1:
			how += fmt.Sprintf(" at boot %d", v.Boots)
		case v.Home == 0:
			how += ", good"
		case v.Home > 1:
			how += fmt.Sprintf(" on trial, %d tries left", v.Home-1)
		}
		n.by[how]++
		list = append(list, at)
		return nil
	})
	if n.Count = count; err != nil {
		t.Fatal(err)
	}
	return list, n
}

func (c recordedCuts) torn(t *testing.T, m *powercut.Image) bool {
	p := find(t, c.table, layout.Boot, layout.Shared)
	found, _ := fatends.Find(io.NewSectionReader(m, p.Start, p.Size), p.Size) // the judge has followed what matters
	return len(found) > 0
}

// mayStart refuses a new slot that is started before it was tried, or is good before it ran.
func (c recordedCuts) mayStart(at phase, v bootjudge.Verdict) error {
	index := slices.Index(phases, at)
	switch {
	case v.Slot != c.From && index < slices.Index(phases, trying):
		return fmt.Errorf("slot %s is started, and was not tried yet", v.Slot)
	case v.Home == 0 && index < slices.Index(phases, trial):
		return fmt.Errorf("slot %s is good, and did not run yet", v.Slot)
	}
	return nil
}

func (n tally) String() string {
	var lines []string
	for how, count := range n.by {
		lines = append(lines, fmt.Sprintf("  %6d %s", count, how))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d operations in %d epochs: %d states, %d of them distinct in boot partition, boot state and wholeness of the roots; %d failed\n%s",
		n.Ops, n.Epochs, n.States, n.Distinct, n.failed, strings.Join(lines, "\n"))
}

// sample chooses n states, in the order of the run: as many of each window as there are.
func (c recordedCuts) sample(list []judgedState, n int, seed uint64) []judgedState {
	windows := c.windows(list)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, w := range windows {
		r.Shuffle(len(w), func(i, j int) { w[i], w[j] = w[j], w[i] })
	}
	var chosen []int
	for round := 0; len(chosen) < min(n, len(list)); round++ {
		for _, w := range windows {
			if round < len(w) && len(chosen) < n {
				chosen = append(chosen, w[round])
			}
		}
	}
	slices.Sort(chosen)
	out := make([]judgedState, 0, n)
	for _, i := range chosen {
		out = append(out, list[i])
	}
	return out
}

// windows divides the states by phase, and that of writing in three: the slot is cleared, written, and enabled. Those with
// half a name are one of their own.
func (c recordedCuts) windows(list []judgedState) (windows [][]int) {
	const clearing, enabling, torn = 6, 10, "torn" // the first two in epochs
	by, runs := map[string][]int{}, []int{}
	for _, s := range list {
		if s.phase == written && (len(runs) == 0 || runs[len(runs)-1] != s.Epoch) {
			runs = append(runs, s.Epoch)
		}
	}
	for i, s := range list {
		name := string(s.phase)
		if s.phase == written {
			switch at := slices.Index(runs, s.Epoch); {
			case at < clearing:
				name = "clear"
			case at >= len(runs)-enabling:
				name = "enable"
			}
		}
		if s.torn {
			name = torn
		}
		by[name] = append(by[name], i)
	}
	for _, name := range []string{torn, "clear", "enable", string(trying), string(trial), string(written), string(booting), string(stopping)} {
		windows = append(windows, by[name])
	}
	return windows
}
