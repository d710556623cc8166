package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestFleet: a small fleet upgrades from nginx in waves, and a machine that did what it should not is noticed.
func TestFleet(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("no nginx: run this by `go run ./build tool -- go test ./build/bench/fleet`")
	}
	o := defaults()
	o.Machines, o.Whole, o.Older, o.Changed = 100, 50, 4, 64<<10
	o.Waves = []Wave{{10, 0}, {50, 3 * time.Hour}, {100, 6 * time.Hour}}
	dir, err := os.MkdirTemp(shared(), "fleet")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := measure(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Judge(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + f.Table(f.Took))
	early, looks := 0, 0
	for _, m := range f.Machines {
		looks += m.Looks
		if m.Fetched.Sub(f.Start) < 3*time.Hour {
			early++
		}
	}
	if early == 0 || early > 25 {
		t.Errorf("%d of %d machines fetched before the second wave, which are 10 %%", early, o.Machines)
	}
	// A look asks for the next root and the timestamp; once there are snapshot, targets, manifest, index and frames.
	if second, _ := f.peak(); len(f.Requests) < 2*looks || len(f.Requests) > 2*looks+6*o.Machines || second > o.Machines/2 {
		t.Errorf("%d requests in %d looks, %d in one second", len(f.Requests), looks, second)
	}
	last := 0
	for i, m := range f.Machines {
		if m.Place > f.Machines[last].Place && strings.HasPrefix(m.Kind, "patch") {
			last = i
		}
	}
	for want, change := range map[string]func(*Machine){
		"its turn is at":        func(m *Machine) { m.Fetched = f.Start.Add(time.Minute) },
		"did not get":           func(m *Machine) { m.Runs = time.Time{} },
		"read ":                 func(m *Machine) { m.Read += 1000 },
		"planned the release":   func(m *Machine) { m.Plans++ },
		"was sent":              func(m *Machine) { m.Planned++; m.Read++ },
		"outside of its window": func(m *Machine) { m.Runs = f.Start.Add(2 * time.Hour) },
	} {
		kept := f.Machines[last]
		change(&f.Machines[last])
		if err := f.Judge(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not noticed: %v", want, err)
		}
		f.Machines[last] = kept
	}
}
