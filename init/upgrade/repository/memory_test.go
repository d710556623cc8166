package repository_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	bench "github.com/proa-os/proa/build/bench/engine"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/peers"
)

// Variables of the environment by which real slots are measured: the directory of a release, the slot file that runs, and
// the directory of keys.
const siteVariable, runsVariable, keysVariable = "PROA_TEST_RELEASE", "PROA_TEST_RUNS", "PROA_KEYS"

// placeVariable makes this program an engine that upgrades from a place, and deviceVariable is its device.
const placeVariable, deviceVariable = "PROA_TEST_PLACE", "PROA_TEST_DEVICE"

// measured is what an engine says.
type measured struct {
	Idle, Peak int64 // resident bytes
	Seconds    float64
	Outcome    upgrade.Outcome
}

// TestMemory: an upgrade needs little memory beside the program itself, however large the slot is.
func TestMemory(t *testing.T) {
	h := newHost(t)
	site, runs := os.Getenv(siteVariable), os.Getenv(runsVariable)
	if site == "" {
		one := first()
		one.binary = words(4, 24<<20)
		runs = h.file(one, "pc")
		h.release("site", releasing.Options{}, runs)
		site = h.release("site", releasing.Options{}, h.file(next(one, "v2"), "pc"))
	} else {
		var err error
		h.ring, err = keys.Load(os.Getenv(keysVariable), keys.Access{})
		must(t, err)
		roots, err := tufrepo.Roots(h.ring.Dir)
		must(t, err)
		h.root = roots[len(roots)-1]
	}
	for _, other := range []bool{false, true} { // by patch, and by full from a slot that no patch is for
		d := h.flashFile(runs)
		if other {
			d.machine.Root = "0" + d.machine.Root[1:]
		}
		m := d.child(t, serve(t, site, whole).URL)
		t.Logf("%s: %d bytes fetched in %.1f s, resident %.1f MB idle, %.1f MB at most", m.Outcome.Kind, m.Outcome.Bytes, m.Seconds, float64(m.Idle)/1e6, float64(m.Peak)/1e6)
		if m.Peak-m.Idle > bench.Memory || !m.Outcome.Trying {
			t.Errorf("%+v: at most %d bytes", m, bench.Memory)
		}
	}
}

// flashFile returns a device that runs what is in a slot file.
func (h *host) flashFile(name string) *device {
	h.t.Helper()
	d := h.flash(first())
	f, err := os.Open(name)
	must(h.t, err)
	defer f.Close()
	r, err := slotfile.NewReader(f)
	must(h.t, err)
	d.machine.Version, d.machine.Root = r.Manifest.Version, r.Manifest.Root.Hash
	for e, err := r.Next(); e != nil || err != nil; e, err = r.Next() {
		must(h.t, err)
		to := filepath.Join(d.Dir, "root-a")
		if in, ok := e.File.For(layout.A); ok {
			to = filepath.Join(d.Dir, "boot", layout.A.Dir(), in)
		} else if e.File.Name != slotfile.RootName {
			continue
		}
		must(h.t, os.MkdirAll(filepath.Dir(to), 0o755))
		out, err := os.Create(to)
		must(h.t, err)
		_, err = io.Copy(out, e)
		must(h.t, errors.Join(err, out.Close()))
	}
	must(h.t, os.Truncate(filepath.Join(d.Dir, "root-b"), 1<<30))
	return d
}

// plain is what an engine of its own is told of a device.
type plain struct {
	Dir     string
	Machine upgrade.Machine
	Root    []byte
	Keys    string
	Near    *peers.Patience // with machines nearby; nil: none are asked
}

// child runs the engine as a program of its own.
func (d *device) child(t *testing.T, place string) (m measured) {
	t.Helper()
	b, err := json.Marshal(plain{Dir: d.Dir, Machine: d.machine, Root: d.root, Keys: d.keys})
	must(t, err)
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), placeVariable+"="+place, deviceVariable+"="+string(b))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, json.Unmarshal(out, &m))
	return m
}

// engine upgrades as proa-upgrade does, and prints what that took.
func engine(place string) int {
	debug.SetMemoryLimit(upgrade.Heap)
	var p plain
	err := json.Unmarshal([]byte(os.Getenv(deviceVariable)), &p)
	m := measured{Idle: resident("VmRSS")}
	began := time.Now()
	if err == nil {
		var d *device
		if d, err = open(p); err == nil {
			var lock *os.File
			if lock, err = claim.Lock(filepath.Join(d.Dir, "lock"), time.Minute); err != nil {
				fmt.Println(err)
				return 1
			}
			defer lock.Close()
			m.Outcome, err = d.upgrade(context.Background(), place, upgrade.Apply)
		}
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	m.Seconds, m.Peak = time.Since(began).Seconds(), resident("VmHWM")
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
		return 1
	}
	return 0
}

// resident returns a number of bytes from /proc/self/status.
func resident(field string) int64 {
	b, _ := os.ReadFile("/proc/self/status")
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}
