// Package softswap makes PID 1 take the root of the other slot without a restart of the machine: kernel, mounts and pods
// go on, PID 1 and all services are those of the new slot. It is for a slot on trial whose kernel, device trees, initramfs
// and kernel command line are those that run. The same health check judges it as after a restart.
//
// It refuses, with reasons for people, whatever a restart would do better, and leaves everything as it was then. Once the
// services are stopped a failure is followed by a restart of the machine, which is the trial that the boot loader makes.
// It does not decide whether a soft swap is wanted: the engine of upgrades does.
package softswap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/softswap/handed"
	"github.com/proa-os/proa/init/timeline"
	"golang.org/x/sys/unix"
)

// Next is where the new root is mounted meanwhile. The directory is in every root, and nothing else is mounted there.
const Next = "/usr/libexec/proa/next"

const (
	etc     = "/etc"
	program = "/usr/sbin/init"
)

// Swap is one soft swap.
type Swap struct {
	M       *boot.Machine // read for this (boot.Running): PID 1's own is in use by others
	DataErr error         // why data is in memory
	Config  []string      // changed keys of the configuration that need a restart of the machine
	// Stop ends the services so that pods go on. Save saves what a shutdown saves.
	Stop func()
	Save func() error

	facts    Facts
	handed   handed.Swap
	target   *boot.Machine // the machine as the new slot sees it
	manifest slotfile.Manifest
	device   string   // partition of the new root
	running  []device // file systems of the running root
	carry    []string // mount points
	undo     []func() error
}

// ErrNot is returned if a soft swap is not possible; a restart of the machine is.
var ErrNot = errors.New("no soft swap")

// row is one row of the two lists. After a failure in taking the machine is restarted.
type row struct {
	name   string
	run    func(*Swap) error
	policy step.Policy
	limit  time.Duration
}

// preparing changes nothing that is not undone.
var preparing = []row{
	{"facts", (*Swap).gather, step.Halt, time.Minute},
	{"decide", (*Swap).decide, step.Halt, time.Minute},
	{"private", (*Swap).private, step.Halt, 10 * time.Second},
	{"map-verity", (*Swap).mapVerity, step.Halt, time.Minute},
	{"mount-root", (*Swap).mountRoot, step.Halt, time.Minute},
	{"read-init", (*Swap).readInit, step.Halt, 2 * time.Minute},
	{"overlay-etc", (*Swap).overlayEtc, step.Halt, time.Minute},
	{"mount-points", (*Swap).mountPoints, step.Halt, 10 * time.Second},
}

// taking does not return on success.
var taking = []row{
	{"stop-services", (*Swap).stop, step.Halt, 90 * time.Second}, // k3s alone may take 45 s, and 5 s more
	{"end-processes", (*Swap).endProcesses, step.Halt, 15 * time.Second},
	{"save", (*Swap).save, step.Warn, 10 * time.Second},
	{"carry-mounts", (*Swap).carryMounts, step.Halt, 30 * time.Second},
	{"hand-over", (*Swap).handOver, step.Halt, 10 * time.Second},
	{"pivot-root", (*Swap).pivot, step.Halt, 30 * time.Second},
	{"release", (*Swap).release, step.Warn, 10 * time.Second},
	{"exec", (*Swap).exec, step.Halt, 30 * time.Second},
}

// Print returns both lists for the golden file.
func Print() string {
	return step.Print("soft-swap-prepare", steps(preparing)) + "\n" + step.Print("soft-swap", steps(taking))
}

func steps(rows []row) (out []step.Step[*Swap]) {
	for _, r := range rows {
		out = append(out, step.Step[*Swap]{Name: r.name, Policy: r.policy, Limit: r.limit, Func: func(_ context.Context, s *Swap) error { return r.run(s) }})
	}
	return out
}

// Prepare does all that can be done while the services run. After an error everything is as it was; it is ErrNot if a soft
// swap is not possible.
func (s *Swap) Prepare(ctx context.Context) error {
	_, err := s.run(ctx, "soft-swap-prepare", preparing)
	if err == nil {
		return nil
	}
	for i := len(s.undo) - 1; i >= 0; i-- {
		if undone := s.undo[i](); undone != nil {
			s.M.Logf("soft swap: %v", undone)
		}
	}
	return err
}

// Take ends the services and goes on as PID 1 of the new root. It returns only on failure; then the machine has to be
// restarted.
func (s *Swap) Take(ctx context.Context) error {
	s.M.Logf("%s", s)
	_, err := s.run(ctx, "soft-swap", taking)
	return err
}

func (s *Swap) String() string {
	return fmt.Sprintf("soft swap to slot %s, proa %s", s.handed.Slot, s.manifest.Version)
}

func (s *Swap) run(ctx context.Context, name string, rows []row) (done []step.Result, err error) {
	report := func(res step.Result) {
		done = append(done, res)
		s.M.Logf("boot %s", res)
		if res.Name == "hand-over" { // exec does not return
			s.saveTimeline(done)
		}
	}
	_, err = step.Run(ctx, step.Runner{List: name, Clock: boot.SinceKernel, Bounded: true, Report: report}, steps(rows), s)
	s.saveTimeline(done)
	return done, err
}

// saveTimeline: the machine works without it.
func (s *Swap) saveTimeline(done []step.Result) {
	if err := timeline.Save(s.M.Sys, done); err != nil {
		s.M.Logf("timeline: %v", err)
	}
}

func (s *Swap) decide() error {
	if why := Why(s.facts); len(why) > 0 {
		return fmt.Errorf("%w: %s", ErrNot, strings.Join(why, "; "))
	}
	return nil
}

// private is needed to exchange the root (pivot_root(2)); what is mounted below keeps its peers.
func (s *Swap) private() error {
	s.undo = append(s.undo, func() error { return s.M.Sys.Mount("", "/", "", unix.MS_SHARED, "") })
	return s.M.Sys.Mount("", "/", "", unix.MS_PRIVATE, "")
}
