package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/build/bench/engine"
	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
)

// measurer measures one pair after the other.
type measurer struct {
	flags
	ring   *keys.Ring
	engine *engine.Programs
}

// Row is what was measured of a pair. Bytes are those that a device fetches.
type Row struct {
	pair
	Full      int64   // everything, from a release of no known contents
	Patch     int64   // from the older release
	Without   int64   // from the older release, as if there were no patch
	Blocks    int64   // blocks of 4 KiB of the slot file that the older one has not, and the index
	Zstd      int64   // zstd --patch-from over the slot file; 0: not measured
	ZstdFiles int64   // and over each changed file's content
	Made      float64 // seconds of CPU to make the patch
	Device    engine.Figures
	ARM       engine.Figures // zero: not measured
	Bundle    engine.Figures // from one file
}

// measure releases both slots, upgrades from one to the other, and compares.
func (m measurer) measure(ctx context.Context, p pair, old, new string) (r Row, err error) {
	r.pair = p
	tmp, err := os.MkdirTemp(m.dir, "run-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(tmp)
	if tmp, err = filepath.Abs(tmp); err != nil {
		return r, err
	}
	site, err := m.release(ctx, &r, tmp, old, new)
	if err != nil {
		return r, fmt.Errorf("release: %w", err)
	}
	if err := m.upgrades(ctx, &r, tmp, site, old); err != nil {
		return r, fmt.Errorf("upgrade: %w", err)
	}
	if r.Blocks, err = blocks(old, new); err != nil {
		return r, fmt.Errorf("blocks: %w", err)
	}
	if m.level == 0 {
		return r, nil
	}
	if r.Zstd, err = patchFrom(ctx, m.level, tmp, old, new); err != nil {
		return r, err
	}
	r.ZstdFiles, err = m.byFile(ctx, tmp, old, new)
	return r, err
}

// release makes a release of the older slot and then of the newer one, which makes the patch.
func (m measurer) release(ctx context.Context, r *Row, tmp, old, new string) (site string, err error) {
	o := releasing.Options{Out: filepath.Join(tmp, "site"), Bundle: filepath.Join(tmp, "bundle.tar"), Ring: m.ring, Now: time.Now(), Show: &stopwatch{took: &r.Made}}
	before := o
	before.Bundle = ""
	if _, err := releasing.Run(ctx, before, []string{old}); err != nil {
		return "", err
	}
	r.Made = 0
	made, err := releasing.Run(ctx, o, []string{new})
	for _, f := range made {
		switch name := path.Base(f.Path); {
		case name == "full":
			r.Full = f.Bytes
		case path.Ext(name) == ".patch":
			r.Patch = f.Bytes
		}
	}
	if err == nil && r.Patch == 0 {
		err = errors.New("no patch was made: both slots have the same root")
	}
	return o.Out, err
}

// stopwatch adds up the CPU that making a patch takes, with the check that it makes the slot.
type stopwatch struct {
	slots.Quiet
	took  *float64
	began float64
}

// Start implements releasing.Show.
func (s *stopwatch) Start(step string, _ []string) { s.began = cpu() }

// Done implements releasing.Show.
func (s *stopwatch) Done(step string, _ time.Duration, _ error) {
	if step != "full" {
		*s.took += cpu() - s.began
	}
}

func cpu() float64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // it fails for an unknown who only
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// upgrades lets devices upgrade: by the patch, without one, from a bundle, and as a program of ARM.
func (m measurer) upgrades(ctx context.Context, r *Row, tmp, site, old string) error {
	from, err := releasing.OpenSlot(old)
	if err != nil {
		return err
	}
	board := from.Manifest.Board
	if err := from.Close(); err != nil {
		return err
	}
	server := httptest.NewServer(http.FileServer(http.Dir(site)))
	defer server.Close()
	is := engine.Machine{Slot: old, Place: server.URL, Ring: m.ring, Board: board, Arch: "amd64"}
	without, bundle, arm := is, is, is
	without.Unknown, bundle.Place, arm.ARM = true, filepath.Join(tmp, "bundle.tar"), true
	var none engine.Figures
	for _, one := range []struct {
		name string
		m    engine.Machine
		into *engine.Figures
	}{{"patch", is, &r.Device}, {"without", without, &none}, {"bundle", bundle, &r.Bundle}, {"arm", arm, &r.ARM}} {
		if one.m.ARM && !m.arm {
			continue
		}
		dir := filepath.Join(tmp, one.name)
		f, err := m.engine.Upgrade(ctx, one.m, dir)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		*one.into = f
	}
	r.Without = none.Bytes
	return nil
}

// judge returns an error for each target that is missed.
func (r Row) judge() error {
	var all []error
	missed := func(what string, n, most float64) {
		if most > 0 && n > most {
			all = append(all, fmt.Errorf("%s: %s: %.0f bytes, at most %.0f are wanted", r.name, what, n, most))
		}
	}
	missed("patch", float64(r.Patch), r.of*float64(r.Full))
	missed("without a patch", float64(r.Without), 1.01*float64(r.Full))
	if r.ZstdFiles > 0 {
		missed("patch, compared with zstd", float64(r.Patch), r.ofZstd*float64(r.ZstdFiles))
	}
	for name, f := range map[string]engine.Figures{"engine": r.Device, "engine on ARM": r.ARM, "bundle": r.Bundle} {
		missed(name+": memory", float64(f.Over()), engine.Memory)
	}
	return errors.Join(all...)
}
