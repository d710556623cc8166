package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/bench/engine"
	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/tufrepo"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestMeasure: a pair of small slots is measured in every column, and a target that is missed is an error.
func TestMeasure(t *testing.T) {
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Skip("no zstd: run this by `go run ./build tool -- go test ./build/bench/delta`")
	}
	dir, err := os.MkdirTemp("", "delta-") // t.TempDir's is closed to the user that proa-fetch runs as
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	p, err := engine.Compile(t.Context(), dir)
	must(t, err)
	ring, err := keys.Init(filepath.Join(dir, "keys"), true, keys.Access{})
	must(t, err)
	_, err = tufrepo.KeepRoot(ring, tufrepo.DefaultPeriods(), time.Now())
	must(t, err)
	old, new := filepath.Join(dir, "old.slot"), filepath.Join(dir, "new.slot")
	must(t, slots.First("v1").Write(old, ring))
	must(t, slots.First("v1").Next("v2", 100_000).Write(new, ring))
	m := measurer{flags: flags{dir: dir, level: 3}, ring: ring, engine: p}
	r, err := m.measure(t.Context(), pair{name: "small", of: 0.05}, old, new)
	must(t, err)
	t.Log("\n" + table([]Row{r}))
	if r.Patch < 40_000 || r.Patch > 150_000 || r.Full < 2<<20 || r.Without < r.Patch || r.Without > r.Full || r.Device.Bytes > r.Patch ||
		r.Blocks < 10_000 || r.Zstd < 40_000 || r.ZstdFiles < 40_000 || r.ZstdFiles > 200_000 || r.Bundle.Over() < 1<<20 || r.Made == 0 {
		t.Errorf("%+v", r)
	}
	if err := r.judge(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Row){
		"patch: ":         func(r *Row) { r.Patch = r.Full / 10 },
		"without a patch": func(r *Row) { r.Without = r.Full * 102 / 100 },
		"zstd":            func(r *Row) { r.ofZstd = 0.1 },
		"engine: memory":  func(r *Row) { r.Device.Peak = r.Device.Idle + 17<<20 },
	} {
		other := r
		change(&other)
		if err := other.judge(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not noticed: %v", want, err)
		}
	}
}

// TestChanges: every change of the pairs finds its place in this tree, so that the benchmark does not fail after an hour.
func TestChanges(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"init/main.go", "k3s/main.go", "overlay/rootfs/etc/profile", "build/pin/debian.lock"} {
		b, err := os.ReadFile(filepath.Join("../../..", file))
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, file), b, 0o644))
		changes := map[string]change{"init/main.go": initLine, "k3s/main.go": k3sLine, "overlay/rootfs/etc/profile": overlayLine}
		if c := changes[file]; c != nil {
			must(t, c(t.Context(), dir))
			if now, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(now) == string(b) {
				t.Errorf("%s is as before: %v", file, err)
			}
		}
	}
	l, err := pin.Load(filepath.Join(dir, "build/pin/debian.lock"))
	must(t, err)
	for _, set := range []string{"root/amd64", "linux-image-amd64/amd64"} {
		if _, err := l.Set(set); err != nil {
			t.Error(err)
		}
	}
	mod, err := os.ReadFile("../../../go.mod")
	must(t, err)
	if !strings.Contains(string(mod), "github.com/k3s-io/kine v0.17.5\n") {
		t.Error("kine is another version now: let pairs.go name the one before it")
	}
}
