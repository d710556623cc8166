package timeline

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/step"
)

// Print prints the timelines below root: that of the last orderly shutdown, and those of this boot.
func Print(out io.Writer, root string) error {
	rows, err := since(root)
	if err != nil {
		return err
	}
	if err := lastShutdown(out, root); err != nil {
		return err
	}
	printSteps(out, rows)
	return nil
}

// since returns the steps of all lists that have run since the boot, in the order in which they started.
func since(root string) (all []step.Result, err error) {
	files, err := paths(root)
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

// paths returns the files of PID 1 and of the verbs, and the runtime's if it has run.
func paths(root string) (out []string, err error) {
	dir := root + Dir
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".json" { // others are being written
			out = append(out, filepath.Join(dir, f.Name()))
		}
	}
	if _, err := os.Stat(root + k3sflags.TimelineFile); err == nil {
		out = append(out, root+k3sflags.TimelineFile)
	}
	return out, nil
}

// lastShutdown prints the last orderly shutdown, if the disk has one.
func lastShutdown(out io.Writer, root string) error {
	info, err := os.Stat(root + LastShutdown)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := step.Read(root + LastShutdown)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "last orderly shutdown: %s\n", info.ModTime().UTC().Format(time.RFC3339))
	printSteps(out, rows)
	fmt.Fprintln(out, "since the boot:")
	return nil
}

func printSteps(out io.Writer, rows []step.Result) {
	for _, r := range rows {
		fmt.Fprintf(out, "%7d ms  %-10s %-18s %8.1f ms  %s\n", r.StartMs, r.List, r.Name, r.TookMs, r.Error)
	}
}
