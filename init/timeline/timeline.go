// Package timeline has the places of the timelines on a machine: how long each step of a list took. It runs no steps
// (config/step does) and does not print them.
package timeline

import (
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/sys"
)

const (
	// Dir has a file LIST.json for each list of steps that has run since the boot.
	Dir = "/run/proa/timeline"
	// LastShutdown is the timeline of the last orderly shutdown, until its file systems were unmounted.
	LastShutdown = "/var/lib/proa/shutdown.json"
)

// Save saves the timeline of a list in Dir; root only, because errors may quote the configuration.
func Save(s sys.Sys, results []step.Result) error {
	if len(results) == 0 {
		return nil
	}
	if err := s.MkdirAll(Dir, 0o700); err != nil {
		return err
	}
	return s.WriteFile(Dir+"/"+results[0].List+".json", step.Encode(results), 0o600)
}

// SaveShutdown saves the timeline of a shutdown for the next boot.
func SaveShutdown(s sys.Sys, done []step.Result) error {
	return s.WriteFile(LastShutdown, step.Encode(done), 0o600)
}
