package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasemeta"
)

// simulator is the program that simulates machines. The host tool imports nothing of the device.
const simulator = "github.com/proa-os/proa/init/upgrade/fleet"

// host is one measurement while it is made.
type host struct {
	Options
	dir   string
	start time.Time // of the model: the release is published then
	spec  map[string]any
}

// Machine is what the simulator says of one machine.
type Machine struct {
	ID            string    `json:"id"`
	Place         float64   `json:"place"`
	Looks         int       `json:"looks"`
	Plans         int       `json:"plans"`
	Kind          string    `json:"kind"`
	Whole         bool      `json:"whole"` // it made the slot, for which it needs no files of the other slot
	Planned, Read int64     // bytes
	Fetched       time.Time `json:"fetched"`
	Runs          time.Time `json:"runs"`
}

// measure makes the release, lets the machines live, and reads the server's log.
func measure(ctx context.Context, dir string, o Options) (f Fleet, err error) {
	h := &host{Options: o, dir: dir, start: time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)}
	f.Options, f.Start = o, h.start
	if err := os.Chmod(dir, 0o755); err != nil {
		return f, err
	}
	program := filepath.Join(dir, "fleet")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, simulator).CombinedOutput(); err != nil {
		return f, fmt.Errorf("compile %s: %w: %s", simulator, err, out)
	}
	publish, err := h.releases(ctx)
	if err != nil {
		return f, err
	}
	server, err := serve(ctx, dir, filepath.Join(dir, "site"))
	if err != nil {
		return f, err
	}
	h.spec["site"] = server.url
	if err := h.simulate(ctx, program, true, nil); err == nil {
		err = errors.Join(publish(), server.forget())
	}
	began := time.Now()
	if err == nil {
		err = h.simulate(ctx, program, false, &f.Machines)
	}
	f.Took = time.Since(began)
	if err = errors.Join(err, server.stop()); err != nil {
		return f, err
	}
	f.Requests, err = readLog(server.log)
	return f, err
}

// releases makes the release that machines run and what they begin with, and returns what publishes the next one.
func (h *host) releases(ctx context.Context) (publish func() error, err error) {
	ring, err := keys.Init(filepath.Join(h.dir, "keys"), true, keys.Access{})
	if err != nil {
		return nil, err
	}
	root, err := tufrepo.KeepRoot(ring, tufrepo.DefaultPeriods(), h.start)
	if err != nil {
		return nil, err
	}
	list := []slots.Contents{slots.First("v1"), slots.First("v1").Next("v1.1", h.Changed), slots.First("v1").Next("v1.1", h.Changed).Next("v1.2.0", h.Changed)}
	var files []string
	var old []map[string]any
	for _, c := range list {
		file := filepath.Join(h.dir, c.Version+".slot")
		if err := c.Write(file, ring); err != nil {
			return nil, err
		}
		to := filepath.Join(h.dir, c.Version)
		m, err := slots.Unpack(ctx, file, to)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		old = append(old, map[string]any{"version": c.Version, "root": m.Root.Hash, "dir": to, "image": slots.RootFile})
	}
	h.describe(root, []map[string]any{old[1], old[0]})
	r := releasing.Options{Out: filepath.Join(h.dir, "site"), Ring: ring, Now: h.start, Show: slots.Quiet{}}
	if _, err := releasing.Run(ctx, r, files[1:2]); err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	for _, w := range h.Waves {
		r.Waves = append(r.Waves, releasemeta.Wave{Percent: w.Percent, At: h.start.Add(w.After)})
	}
	return func() error { _, err := releasing.Run(ctx, r, files[2:]); return err }, nil
}

// describe says what is simulated.
func (h *host) describe(root []byte, old []map[string]any) {
	h.spec = map[string]any{"root": root, "scratch": h.dir, "machines": h.Machines, "workers": h.Workers, "whole_one_in": h.Whole, "older": h.Older,
		"together": h.Together, "interval": h.Interval, "jitter": h.Jitter, "window": h.Window, "length": h.Length, "start": h.start, "end": h.start.Add(h.End),
		"downtime": 2 * time.Minute, "sequence": 1, "old": old, "machine": map[string]any{"Board": "pc", "Arch": "amd64", "Layout": layout.Version}}
}

// simulate runs the simulator; into is nil if it only makes what machines begin with.
func (h *host) simulate(ctx context.Context, program string, seed bool, into *[]Machine) error {
	h.spec["seed"] = seed
	in, err := json.Marshal(h.spec)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, program)
	c.Stdin, c.Stderr = bytes.NewReader(in), os.Stderr
	out, err := c.Output()
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(out, into)
}
