package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
)

// TestUpgrade: the engine upgrades small slots, by patch, by everything and from a bundle, here and as a program of ARM.
func TestUpgrade(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	must(os.Chmod(dir, 0o755))
	p, err := Compile(t.Context(), dir)
	must(err)
	ring, err := keys.Init(filepath.Join(dir, "keys"), true, keys.Access{})
	must(err)
	_, err = tufrepo.KeepRoot(ring, tufrepo.DefaultPeriods(), time.Now())
	must(err)
	one, two, site, bundle := filepath.Join(dir, "one.slot"), filepath.Join(dir, "two.slot"), filepath.Join(dir, "site"), filepath.Join(dir, "v2.tar")
	must(slots.First("v1").Write(one, ring))
	must(slots.First("v1").Next("v2", 200_000).Write(two, ring))
	o := releasing.Options{Out: site, Ring: ring, Now: time.Now(), Show: slots.Quiet{}}
	_, err = releasing.Run(t.Context(), o, []string{one})
	must(err)
	o.Bundle = bundle
	_, err = releasing.Run(t.Context(), o, []string{two})
	must(err)
	for _, test := range []struct {
		name, place, kind string
		unknown, arm      bool
		most              int64 // bytes transferred
	}{
		{"patch", site, "patch from v1", false, false, 300_000},
		{"bundle", bundle, "patch from v1", false, false, 300_000},
		{"full", site, "full, ", true, false, 6 << 20},
		{"arm", bundle, "patch from v1", false, true, 300_000},
	} {
		if _, err := exec.LookPath("qemu-arm"); err != nil && test.arm {
			t.Skip("no qemu-arm: run this by `go run ./build tool -- go test ./build/bench/engine`")
		}
		m := Machine{Slot: one, Unknown: test.unknown, Place: test.place, Ring: ring, Board: "pc", Arch: "amd64", ARM: test.arm}
		f, err := p.Upgrade(t.Context(), m, filepath.Join(dir, test.name))
		if err != nil || !strings.HasPrefix(f.Kind, test.kind) || f.Bytes > test.most || f.Idle < 1<<20 || f.Over() < 1<<20 || f.Over() > Memory {
			t.Errorf("%s: %+v %v", test.name, f, err)
		}
		t.Logf("%s: %s, %d bytes, %.1f s, %.1f MB over %.1f MB", test.name, f.Kind, f.Bytes, f.Seconds, float64(f.Over())/1e6, float64(f.Idle)/1e6)
	}
}
