package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/timeline"
)

const timelineHelp = `
One line per step: its start in milliseconds since the kernel started, the list it belongs to, its name, how long it took,
and its error. Of a list that ran several times the last run is shown. The last orderly shutdown comes first, up to the
point where the file systems were unmounted; its times count from the start of that boot.

Lists:
  stage1, stage2         the boot, before and after the root is mounted
  reload                 proa config apply
  slot-write, slot-try   proa slot write, proa slot try
  k3s                    what the runtime does before it starts its components
  shutdown               the last orderly shutdown
`

func timelineVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	rows, err := e.timeline()
	if err != nil {
		return err
	}
	if err := e.lastShutdown(); err != nil {
		return err
	}
	e.printSteps(rows)
	return nil
}

// timeline returns the steps of all lists that have run since the boot, in the order in which they started.
func (e Env) timeline() (all []step.Result, err error) {
	files, err := e.timelines()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		rows, err := step.Read(f)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	slices.SortStableFunc(all, func(a, b step.Result) int { return cmp.Compare(a.StartMs, b.StartMs) })
	return all, nil
}

// timelines returns the files of PID 1 and of the verbs, and the runtime's if it has run.
func (e Env) timelines() (paths []string, err error) {
	dir := e.Root + timeline.Dir
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".json" { // others are being written
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	if _, err := os.Stat(e.Root + k3sflags.TimelineFile); err == nil {
		paths = append(paths, e.Root+k3sflags.TimelineFile)
	}
	return paths, nil
}

// lastShutdown prints the last orderly shutdown, if the disk has one.
func (e Env) lastShutdown() error {
	info, err := os.Stat(e.Root + timeline.LastShutdown)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := step.Read(e.Root + timeline.LastShutdown)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "last orderly shutdown: %s\n", info.ModTime().UTC().Format(time.RFC3339))
	e.printSteps(rows)
	fmt.Fprintln(e.Out, "since the boot:")
	return nil
}

func (e Env) printSteps(rows []step.Result) {
	for _, r := range rows {
		fmt.Fprintf(e.Out, "%7d ms  %-10s %-18s %8.1f ms  %s\n", r.StartMs, r.List, r.Name, r.TookMs, r.Error)
	}
}
