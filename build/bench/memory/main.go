// Command memory measures what an upgrade needs of memory while it makes a whole slot from the release of a real one: the
// engine with what it fetches from a server, and with what it reads from a bundle, here and as a program of a 32-bit ARM in
// QEMU's user emulation. It is the last part of make bench, which puts qemu-arm into PATH. It fails if an upgrade does.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/bench/engine"
	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	verb "github.com/proa-os/proa/build/keys/verb"
	"github.com/proa-os/proa/build/releasing"
)

const usage = `usage: go run ./build tool -- go run ./build/bench/memory FILE.slot

  make slot && go run ./build tool -- go run ./build/bench/memory out/pc/proa-pc.slot
`

func main() {
	if len(os.Args) != 2 || os.Args[1][0] == '-' {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, slot string) error {
	dir, err := os.MkdirTemp("", "proa-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := engine.Compile(ctx, dir)
	if err != nil {
		return err
	}
	ring, err := verb.Options{}.ForRelease() // the keys that have signed the slot
	if err != nil {
		return err
	}
	m, err := small(slot, dir, ring)
	if err != nil {
		return err
	}
	site, bundle := filepath.Join(dir, "site"), filepath.Join(dir, "release.tar")
	if _, err := releasing.Run(ctx, releasing.Options{Out: site, Bundle: bundle, Ring: ring, Now: time.Now(), Show: slots.Quiet{}}, []string{slot}); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(site)))
	defer server.Close()
	fmt.Print("| upgrade with nothing to reuse, memory in MiB | idle | over idle | proa-fetch | MB fetched | CPU s |\n|---|--:|--:|--:|--:|--:|\n")
	for _, row := range []struct {
		name, place string
		arm         bool
	}{{"engine, from a server", server.URL, false}, {"engine, from a bundle", bundle, false}, {"engine of armv7, emulated, from a server", server.URL, true}, {"engine of armv7, emulated, from a bundle", bundle, true}} {
		m.Place, m.ARM = row.place, row.arm
		f, err := p.Upgrade(ctx, m, filepath.Join(dir, "machine"))
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		fmt.Printf("| %s | %.1f | %.1f | %s | %.1f | %.0f |\n", row.name, mib(f.Idle), mib(f.Over()), fetcher(f), float64(f.Bytes)/1e6, f.CPU+f.FetchCPU)
		if err := os.RemoveAll(filepath.Join(dir, "machine")); err != nil {
			return err
		}
	}
	return nil
}

// small returns a machine of the slot's board that runs a slot which has nothing in common with it.
func small(slot, dir string, ring *keys.Ring) (m engine.Machine, err error) {
	s, err := releasing.OpenSlot(slot)
	if err != nil {
		return m, err
	}
	board, room := s.Manifest.Board, 2*s.Manifest.Root.Size
	if err := s.Close(); err != nil {
		return m, err
	}
	b, err := boards.Get(board)
	if err != nil {
		return m, err
	}
	c := slots.First("v0.0.0")
	c.Board = board
	file := filepath.Join(dir, "small.slot")
	return engine.Machine{Slot: file, Ring: ring, Board: board, Arch: b.Arch, Room: room}, c.Write(file, ring)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// fetcher is the greatest memory of proa-fetch, which a bundle does not need.
func fetcher(f engine.Figures) string {
	if f.FetchRSS == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", mib(f.FetchRSS))
}
