package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/schedule"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
)

// seedDir is the directory in Scratch with the metadata that machines have at the beginning.
const seedDir = "seed"

// machine is one simulated machine.
type machine struct {
	Spec
	id    string
	runs  Running
	real  bool // it makes the slot
	dir   string
	from  string // its address
	now   time.Time
	state schedule.State
	has   journal.Release // in the other slot
	text  []byte          // its manifest
	last  *tapped         // file
	Result
}

// machine returns the machine of that number, the same each time.
func (s Spec) machine(i int) *machine {
	sum := sha256.Sum256(fmt.Appendf(nil, "machine %d", i))
	m := &machine{Spec: s, id: hex.EncodeToString(sum[:16]), runs: s.Old[0], dir: filepath.Join(s.Scratch, fmt.Sprint("m", i))}
	m.Result.ID = m.id
	if int(sum[20])*100/256 < s.Older && len(s.Old) > 1 {
		m.runs = s.Old[1]
	}
	m.real = s.Whole > 0 && i%s.Whole == 0 || m.runs != s.Old[0] // what others reuse is known to the plan only
	booted := s.Start
	if !s.Together {
		booted = booted.Add(-time.Duration(int64(sum[21])<<8|int64(sum[22])) * s.Interval / (1 << 16))
	}
	m.now, m.state = booted, schedule.State{Booted: booted, Sure: true}
	return m
}

// policy is what users configure.
func (s Spec) policy() schedule.Policy {
	return schedule.Of(config.Upgrade{Automatic: "apply", Interval: s.Interval.String(), Jitter: s.Jitter.String(), Reboot: "window",
		Window: config.Window{Start: s.Window, Length: s.Length, Timezone: "UTC"}}, time.UTC)
}

// live does what schedule.Service does, by a virtual clock, until the end of the model.
func (m *machine) live(ctx context.Context) (Result, error) {
	if err := os.CopyFS(m.dir, os.DirFS(filepath.Join(m.Scratch, seedDir))); err != nil {
		return m.Result, err
	}
	for p := m.policy(); ctx.Err() == nil; {
		next := schedule.Next(m.now, m.state, p, m.id)
		if next.At.After(m.now) {
			m.now = next.At
		}
		if m.now.After(m.End) {
			break
		}
		if m.now.Before(m.Start) { // the release is not there yet
			m.state.Looked = m.now
			continue
		}
		if err := m.act(ctx, next); err != nil {
			return m.Result, fmt.Errorf("machine %s at %s: %w", m.id, m.now.Format(time.RFC3339), err)
		}
	}
	return m.Result, errors.Join(ctx.Err(), os.RemoveAll(m.dir))
}

// act makes one run of the engine, and the restart after it.
func (m *machine) act(ctx context.Context, a schedule.Action) error {
	m.state.Looked = m.now
	m.Looks++
	if err := m.look(ctx); err != nil {
		return err
	}
	m.state.Ready = m.has.Version != ""
	if a.Until != upgrade.Apply || !m.state.Ready {
		return nil
	}
	m.now = m.now.Add(m.Downtime)
	m.runs, m.has, m.Runs = Running{Version: m.has.Version, Root: m.has.Root}, journal.Release{}, m.now
	m.state = schedule.State{Booted: m.now, Sure: true}
	return nil
}

// open opens the repository.
func (m *machine) open(context.Context) (*repository.Origin, error) {
	w, err := transport.NewWeb(web{m}, m.Site)
	if err != nil {
		return nil, err
	}
	is := m.Machine
	is.Version, is.Root, is.ID, is.Slot = m.runs.Version, m.runs.Root, m.id, layout.A
	o := repository.Options{Dir: m.dir, Root: m.Root, Clock: trust.Clock{Now: m.now, Known: true}, Machine: is}
	if m.runs.Dir != "" {
		o.Running = &repository.Running{Slot: layout.A, Root: filepath.Join(m.runs.Dir, m.runs.Image), Files: func(s layout.Slot, _ bool, do func(string) error) error {
			return do(filepath.Join(m.runs.Dir, s.Dir()))
		}}
	}
	return repository.Open(&tap{Source: w, m: m}, o), nil
}

// look reads the metadata, decides, and fetches what was decided unless the other slot has it.
func (m *machine) look(ctx context.Context) (err error) {
	o, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	all, err := o.Releases(ctx)
	if err != nil {
		return err
	}
	is := o.Machine
	c, err := upgrade.Decide(is, all, journal.Journal{Sequence: m.Sequence}, upgrade.Options{By: "schedule", Until: upgrade.Fetch, Auto: true}, m.now)
	if err != nil || !c.Take() {
		return err
	}
	if m.has.Version != "" && c.Release.Has(m.text) { // as upgrade.Engine does: it waits
		return nil
	}
	plan, err := o.Plan(ctx, c.Release)
	if err != nil {
		return err
	}
	m.Plans++
	man, text := plan.Source.Manifest()
	m.Result.Whole = m.real
	m.Place, m.Kind, m.Planned = upgrade.Place(m.id, c.Release.Version), plan.Kind, plan.Bytes
	if m.real {
		err = whole(ctx, plan.Source)
	} else {
		err = m.frames(ctx, plan)
	}
	if err != nil {
		return err
	}
	m.Result.Read, m.Fetched = plan.Source.Bytes(), m.now
	m.has, m.text = journal.Release{Version: man.Version, Root: man.Root.Hash}, text
	return nil
}

var errSum = errors.New("the slot has other bytes than its manifest says")

// whole makes all files of slot b, and compares them with the manifest.
func whole(ctx context.Context, s upgrade.Source) error {
	man, _ := s.Manifest()
	b := make([]byte, 1<<20)
	for _, f := range man.Files {
		if _, ok := f.For(layout.B); !ok && f.Name != slotfile.RootName {
			continue
		}
		h := sha256.New()
		for at := int64(0); at < f.Size; at += int64(len(b)) {
			part := b[:min(int64(len(b)), f.Size-at)]
			if err := s.ReadRange(ctx, f, at, part); err != nil {
				return err
			}
			h.Write(part)
		}
		if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
			return fmt.Errorf("%s: %w", f.Name, errSum)
		}
	}
	return nil
}
