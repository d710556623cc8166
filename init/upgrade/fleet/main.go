// Command fleet simulates many machines that upgrade from one server, for the benchmark build/bench/fleet; it is in no
// image. Each machine has the schedule, the TUF client, the decision and the plan of real ones (init/upgrade), and asks a
// real server for the bytes of its plan; its clock is virtual, so that days pass in minutes. One in Whole also makes the
// slot of what it fetched, as the engine does; the others only read the bytes.
//
// It refuses nothing that a real machine accepts, and ends with an error if a machine fails.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/proa-os/proa/init/upgrade"
)

// Spec is what is simulated.
type Spec struct {
	Site      string          `json:"site"` // URL
	Root      []byte          `json:"root"` // TUF's root of the images
	Scratch   string          `json:"scratch"`
	Machines  int             `json:"machines"`
	Workers   int             `json:"workers"`
	Whole     int             `json:"whole_one_in"` // each such machine makes the slot; 0: none
	Older     int             `json:"older"`        // percentage that runs Old[1], from which there is no patch
	Together  bool            `json:"together"`     // all are switched on at Start; else at any time of the Interval before
	Interval  time.Duration   `json:"interval"`
	Jitter    time.Duration   `json:"jitter"`
	Window    string          `json:"window"`   // begin; empty: always
	Length    string          `json:"length"`   // of the window
	Start     time.Time       `json:"start"`    // of the model
	End       time.Time       `json:"end"`      // of the model
	Old       []Running       `json:"old"`      // what runs at the beginning
	Downtime  time.Duration   `json:"downtime"` // of a restart
	Sequence  int64           `json:"sequence"`
	SeedState bool            `json:"seed"` // only make the state that machines begin with
	Machine   upgrade.Machine `json:"machine"`
}

// Running is a system that runs, in files.
type Running struct {
	Version string `json:"version"`
	Root    string `json:"root"` // hash
	Dir     string `json:"dir"`
	Image   string `json:"image"` // file in Dir
}

// Result is what one machine did.
type Result struct {
	ID      string    `json:"id"`
	Place   float64   `json:"place"` // in the roll-out
	Looks   int       `json:"looks"`
	Plans   int       `json:"plans"`   // looks in which the release was planned, and the index of its payload read
	Kind    string    `json:"kind"`    // of the plan
	Whole   bool      `json:"whole"`   // the slot was made
	Planned int64     `json:"planned"` // bytes
	Read    int64     `json:"read"`    // bytes of payloads
	Fetched time.Time `json:"fetched"` // zero: not until the end
	Runs    time.Time `json:"runs"`    // the new release, likewise
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s Spec
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return fmt.Errorf("read what to simulate: %w", err)
	}
	if s.SeedState {
		return s.seed(ctx)
	}
	results, err := s.all(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

// seed asks the server once, as every machine has before the release was there.
func (s Spec) seed(ctx context.Context) error {
	m := s.machine(0)
	m.dir = filepath.Join(s.Scratch, seedDir)
	m.now = s.Start
	o, err := m.open(ctx)
	if err != nil {
		return err
	}
	_, err = o.Releases(ctx)
	return errors.Join(err, o.Close())
}

// all runs the machines, some at a time: they share nothing but the server.
func (s Spec) all(ctx context.Context) ([]Result, error) {
	results, errs := make([]Result, s.Machines), make([]error, s.Machines)
	next := make(chan int)
	var workers sync.WaitGroup
	for w := range s.Workers {
		workers.Go(func() {
			for i := range next {
				m := s.machine(i)
				m.from = fmt.Sprintf("127.0.%d.%d", 1+w/200, 1+w%200)
				results[i], errs[i] = m.live(ctx)
			}
		})
	}
	for i := range s.Machines {
		if ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	return results, errors.Join(append(errs, ctx.Err())...)
}
