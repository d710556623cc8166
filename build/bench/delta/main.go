// Command delta measures what upgrades fetch and what they cost, for the pairs of releases in pairs.go, beside what other
// ways would fetch: everything, blocks of 4 KiB by an index, and zstd --patch-from. It is started by make bench-delta,
// which puts zstd and qemu-arm into PATH. Slots are built from commits in work trees of their own, below out/pc/bench-delta.
//
// It fails if a target of pairs.go is missed, or an upgrade fails. A pair that cannot be made today, because the mirror has
// nothing newer, is left out and named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/build/bench/engine"
	keys "github.com/proa-os/proa/build/keys/verb"
)

const usage = `usage: go run ./build tool -- go run ./build/bench/delta [flags] [PAIR…]

  go run ./build tool -- go run ./build/bench/delta                                 all pairs, built from this commit
  go run ./build tool -- go run ./build/bench/delta overlay init                    some of them
  go run ./build tool -- go run ./build/bench/delta --old a.slot --new b.slot       two slot files that are there
`

type flags struct {
	dir, old, new string
	level         int
	arm, build    bool
}

func main() {
	var f flags
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage); flag.PrintDefaults() }
	flag.StringVar(&f.dir, "dir", "out/pc/bench-delta", "`directory` for work trees, slots and releases")
	flag.StringVar(&f.old, "old", "", "slot `file` that runs")
	flag.StringVar(&f.new, "new", "", "slot `file` to upgrade to")
	flag.IntVar(&f.level, "zstd", 19, "`level` of zstd --patch-from; 0: without")
	flag.BoolVar(&f.arm, "arm", true, "also upgrade with the engine of a 32-bit ARM, emulated")
	flag.BoolVar(&f.build, "build", false, "only build the slots, for a later run of the same commit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, f, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "delta:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags, names []string) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "proa-delta-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	p, err := engine.Compile(ctx, tmp)
	if err != nil {
		return err
	}
	ring, err := keys.Options{}.ForRelease() // those that images of this host know
	if err != nil {
		return err
	}
	m := measurer{flags: f, ring: ring, engine: p}
	if f.old != "" || f.new != "" {
		row, err := m.measure(ctx, pair{name: strings.TrimSuffix(filepath.Base(f.new), ".slot")}, f.old, f.new)
		if err == nil {
			fmt.Print(table([]Row{row}))
		}
		return err
	}
	return m.all(ctx, names)
}

// all builds and measures the pairs, and prints each as soon as it is known.
func (m measurer) all(ctx context.Context, names []string) error {
	t := trees{dir: m.dir}
	var rows []Row
	var missed error
	for _, p := range pairs {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		old, new, err := t.slots(ctx, p)
		if errors.Is(err, errNothingNewer) {
			fmt.Fprintf(os.Stderr, "delta: %s is left out: %v\n", p.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if m.build {
			continue
		}
		row, err := m.measure(ctx, p, old, new)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, row)
		fmt.Fprint(os.Stderr, table([]Row{row}))
		missed = errors.Join(missed, row.judge())
	}
	if len(rows) > 0 {
		fmt.Print(table(rows))
	}
	return missed
}
