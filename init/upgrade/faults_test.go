package upgrade_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/faults"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/upgradetest"
)

// Variables of the environment by which this program is an engine: the directory of its device, what it reads from, the
// program proa-fetch, the point at which it ends, and how.
const childVariable, placeVariable, fetchVariable, pointVariable, endVariable = "PROA_TEST_DEVICE", "PROA_TEST_PLACE", "PROA_TEST_FETCH", "PROA_TEST_POINT", "PROA_TEST_END"

// scopeVariable with faultScope makes the tests long: make e2e-kills.
const scopeVariable, faultScope = "PROA_E2E", "kills"

func long() bool { return os.Getenv(scopeVariable) == faultScope }

// child upgrades the device in a directory, and ends at a point if it is told to. It prints the points that it passes.
func child(dir string) int {
	point, end := os.Getenv(pointVariable), os.Getenv(endVariable)
	ctx, done := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer done()
	faults.Set(func(at string) {
		fmt.Println(at)
		switch {
		case at != point:
		case end == "panic":
			panic(at)
		case end == reboot:
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			<-ctx.Done()
		default:
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	found, err := upgradetest.Open(dir, slottrust.Of(testkey.Keys()))
	d := &device{Device: found}
	if err == nil {
		var e upgrade.Engine
		if e, err = d.open(ctx, os.Getenv(fetchVariable), os.Getenv(placeVariable), upgrade.Options{Until: upgrade.Apply, Reboot: true}); err == nil {
			_, err = e.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// command starts an engine for the device, with an environment of its own.
func (d *device) command(t *testing.T, place, point, end string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), childVariable+"="+d.Dir, placeVariable+"="+place, fetchVariable+"="+fetchtest.Need(t), pointVariable+"="+point, endVariable+"="+end)
	return c
}

// untouched requires that the running slot can be booted as before: its root, its files, and the boot state.
func (d *device) untouched(t *testing.T, when string) {
	t.Helper()
	if s := d.State(t); s.Good != layout.A || s.Try != layout.Shared && s.Try != layout.B {
		t.Errorf("%s: the boot state is %v", when, s)
	}
	for _, name := range []string{"root-a", "boot/slots/a/vmlinuz"} {
		if b, err := os.ReadFile(filepath.Join(d.Dir, name)); err != nil || string(b) != "the running slot" {
			t.Errorf("%s: %s was changed: %v", when, name, err)
		}
	}
	if s := d.State(t); s.Try == layout.B {
		if _, err := slotwrite.Try(t.Context(), d.Target); err != nil {
			t.Errorf("%s: slot b is on trial, and %v", when, err)
		}
	}
}

// goesOn requires that the same command completes the upgrade, and that the journal says so.
func (d *device) goesOn(t *testing.T, place, when string) {
	t.Helper()
	out, err := d.command(t, place, "", "").CombinedOutput()
	if err != nil {
		t.Errorf("%s: the same command: %v: %s", when, err, out)
	}
	e := d.last(t)
	if s := d.State(t); s.Try != layout.B || e.State != journal.Trying || e.To.Version != "v2" || e.Result != "" {
		t.Errorf("%s: afterwards the state is %v, the journal says %+v", when, s, e)
	}
	j, err := journal.Read(filepath.Join(d.Dir, "journal.json"))
	for _, e := range j.Entries[:max(0, len(j.Entries)-1)] {
		panicked := e.Result == journal.Failed && strings.Contains(e.Reason, "panic: ") // which becomes an error of the step
		if err != nil || e.State != journal.Ended || e.Result != journal.Aborted && !panicked {
			t.Errorf("%s: an earlier entry is %+v", when, e)
		}
	}
}

// ready returns a device with a running slot that is compared later.
func ready(t *testing.T) *device {
	d := flashed(t)
	must(t, os.MkdirAll(filepath.Join(d.Dir, "boot/slots/a"), 0o755))
	for _, name := range []string{"root-a", "boot/slots/a/vmlinuz"} {
		must(t, os.WriteFile(filepath.Join(d.Dir, name), []byte("the running slot"), 0o600))
	}
	return d
}

// powerCut loses what was written to the other root since the last flush: there is anything there.
func (d *device) powerCut(t *testing.T, passed []string) {
	t.Helper()
	from, to := int64(0), int64(-1)
	for _, p := range passed {
		var n int64
		if _, err := fmt.Sscanf(p, "slot: flushed up to %d", &n); err == nil {
			from = n
		} else if _, err := fmt.Sscanf(p, "slot: chunk %d written", &n); err == nil {
			to = (n + 1) << 20
		}
	}
	if to <= from {
		return
	}
	junk := make([]byte, to-from)
	_, err := rand.Read(junk)
	must(t, err)
	f, err := os.OpenFile(filepath.Join(d.Dir, "root-b"), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(junk, from)
	must(t, errors.Join(err, f.Close()))
}

func points(out []byte) (list []string) {
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "upgrade: ") || strings.HasPrefix(line, "slot: ") {
			list = append(list, line)
		}
	}
	return list
}

// reboot is how PID 1 ends the engine when the machine shuts down: by SIGTERM.
const reboot = "reboot"

// TestFaults ends the engine at every named point, by a panic, by SIGKILL, by a power cut and by a reboot of the machine: the
// running slot is untouched, and the same command goes on and succeeds. The short form has every seventh of them.
func TestFaults(t *testing.T) {
	place := filepath.Join(t.TempDir(), "proa-pc.slot")
	must(t, os.WriteFile(place, slotFile(t, "pc", "v2"), 0o600))
	all, err := ready(t).command(t, place, "", "").Output()
	must(t, err)
	list := slices.Compact(slices.Sorted(slices.Values(points(all))))
	n, ends := 0, map[string]int{}
	for _, point := range list {
		for _, end := range []string{"panic", "kill", "power cut", reboot} {
			if n++; !long() && n%7 != 1 {
				continue
			}
			d, when := ready(t), end+" at "+point
			out, err := d.command(t, place, point, end).Output()
			passed := points(out)
			switch {
			case end == reboot && slices.Contains(passed, point): // it may be in the middle of a change that it completes
			case end == reboot || err == nil || len(passed) == 0 || passed[len(passed)-1] != point:
				t.Fatalf("%s: it went on: %v, %q", when, err, passed)
			case end == "power cut":
				d.powerCut(t, passed)
			}
			d.untouched(t, when)
			d.goesOn(t, place, when)
			ends[end]++
		}
	}
	t.Logf("%d points; ended by %v", len(list), ends)
	if len(list) < 40 {
		t.Errorf("only %d points: %q", len(list), list)
	}
}

// TestKills kills engines that read from a real web server at random times, until the upgrade is complete, again and
// again: 200 kills in the long form, 20 in the short one.
func TestKills(t *testing.T) {
	want := 20
	if long() {
		want = 200
	}
	seed := time.Now().UnixNano()
	r := mathrand.New(mathrand.NewPCG(uint64(seed), 1))
	s := serve(t, map[string][]byte{"/proa-pc.slot": slotFile(t, "pc", "v2")}, nil)
	place := s.URL + "/proa-pc.slot"
	began := time.Now()
	must(t, ready(t).command(t, place, "", "").Run())
	takes := time.Since(began)
	kills, upgrades := 0, 0
	for kills < want {
		d := ready(t)
		for kills < want {
			c := d.command(t, place, "", "")
			var out bytes.Buffer
			c.Stderr = &out
			must(t, c.Start())
			timer := time.AfterFunc(time.Duration(r.Int64N(int64(takes))), func() { _ = c.Process.Kill() })
			err := c.Wait()
			timer.Stop()
			if err == nil {
				break
			}
			if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
				t.Fatalf("seed %d: %v: %s", seed, err, out.Bytes())
			}
			kills++
			d.untouched(t, fmt.Sprintf("seed %d, kill %d", seed, kills))
		}
		d.goesOn(t, place, fmt.Sprintf("seed %d, after %d kills", seed, kills))
		upgrades++
	}
	t.Logf("seed %d: %d kills in %d upgrades, each complete afterwards", seed, kills, upgrades)
}

// TestNoHook: no program sets the hook; tests do.
func TestNoHook(t *testing.T) {
	for _, dir := range []string{"../../init", "../../images", "../../config"} {
		err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			b, err := os.ReadFile(name)
			if bytes.Contains(b, []byte("faults"+".Set(")) {
				t.Errorf("%s sets a hook", name)
			}
			return err
		})
		must(t, err)
	}
}
