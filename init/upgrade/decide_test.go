package upgrade

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/upgrade/journal"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func release(version string, sequence int64) Release {
	return Release{Release: releasemeta.Release{Board: "pc", Arch: "amd64", Layout: 1, Version: version, Sequence: sequence}}
}

// TestDecide: each row has the releases on the server and what this machine, which runs v1.2.0, does about them.
func TestDecide(t *testing.T) {
	with := func(r Release, change func(*Release)) Release { change(&r); return r }
	newest := release("v1.3.0", 13)
	gaveUp := journal.Journal{GivenUp: []journal.GivenUp{{Release: journal.Release{Version: "v1.3.0"}, At: noon, Reason: "no link"}}}
	all := releasemeta.Wave{Percent: 100, At: noon}
	later := []releasemeta.Wave{{Percent: 100, At: noon.Add(25 * time.Hour)}}
	soon := []releasemeta.Wave{{Percent: 100, At: noon.Add(24 * time.Hour)}}
	for _, test := range []struct {
		name string
		all  []Release
		o    Options
		j    journal.Journal
		want string // the version taken, or part of the reason or error
	}{
		{"newest", []Release{release("v1.1.0", 11), newest, release("v1.2.0", 12)}, Options{}, journal.Journal{}, "take v1.3.0"},
		{"runs", []Release{release("v1.2.0", 12)}, Options{}, journal.Journal{}, "v1.2.0 runs, and is the newest"},
		{"runs by root", []Release{with(newest, func(r *Release) { r.Root = "abcd" })}, Options{}, journal.Journal{}, "v1.2.0 runs, and is the newest"},
		{"same version, other root", []Release{with(release("v1.2.0", 0), func(r *Release) { r.Root = "ffff" })}, Options{}, journal.Journal{}, "take v1.2.0"},
		{"nothing", nil, Options{}, journal.Journal{}, "error: there is no release for this machine"},
		{"other board", []Release{with(newest, func(r *Release) { r.Board = "rpi3" })}, Options{}, journal.Journal{}, "error: there is no release for this machine: this is the board pc (amd64), and there are releases for rpi3"},
		{"other arch", []Release{with(newest, func(r *Release) { r.Arch = "arm64" })}, Options{}, journal.Journal{}, "releases for pc (arm64)"},
		{"other layout", []Release{with(newest, func(r *Release) { r.Layout = 2 })}, Options{}, journal.Journal{}, "v1.3.0: it needs disk layout 2, this disk has layout 1; a release that moves partitions (migrates: [1]) must be taken first"},
		{"newer, other layout", []Release{release("v1.2.0", 12), with(newest, func(r *Release) { r.Layout = 2 })}, Options{}, journal.Journal{},
			"v1.2.0 runs, and is the newest that this machine can take; passed: v1.3.0 is newer, and not for this machine: it needs disk layout 2, this disk has layout 1; a release that moves partitions"},
		{"take, newer is unfit", []Release{with(release("v1.4.0", 14), func(r *Release) { r.Unfit = "too new" }), newest}, Options{}, journal.Journal{}, "take v1.3.0; passed: v1.4.0 is newer, and not for this machine: too new"},
		{"older is unfit", []Release{with(release("v1.1.0", 11), func(r *Release) { r.Unfit = "too old" }), newest}, Options{}, journal.Journal{}, "take v1.3.0; passed: none"},
		{"wanted is unfit", []Release{with(newest, func(r *Release) { r.Unfit = "too new" }), release("v1.2.0", 12)}, Options{Version: "v1.3.0"}, journal.Journal{}, "error: there is no release for this machine with the version v1.3.0: too new"},
		{"too far, one between", []Release{with(newest, func(r *Release) { r.From = "v1.2.5" }), release("v1.2.5", 12), release("v1.2.3", 12)}, Options{}, journal.Journal{}, "take v1.2.5"},
		{"too far, none reaches", []Release{with(newest, func(r *Release) { r.From = "v1.2.5" }), release("v1.2.3", 12)}, Options{}, journal.Journal{}, "error: v1.3.0 replaces v1.2.5 or later"},
		{"moves partitions", []Release{with(newest, func(r *Release) { r.Layout, r.Migrates = 2, []int{1} })}, Options{}, journal.Journal{}, "would move the partitions of this disk"},
		{"older than seen", []Release{release("v1.1.0", 11)}, Options{}, journal.Journal{}, "error: nothing older is taken: v1.1.0 has sequence 11, this machine had 12"},
		{"older than was good", []Release{newest}, Options{}, journal.Journal{Sequence: 14}, "v1.3.0 has sequence 13, this machine had 14"},
		{"older stone", []Release{with(newest, func(r *Release) { r.Stones = []string{"v1.2.5"} }), release("v1.2.5", 5)}, Options{}, journal.Journal{}, "v1.2.5, which is on the way to v1.3.0, has sequence 5"},
		{"older, wanted", []Release{release("v1.1.0", 11)}, Options{Again: true}, journal.Journal{}, "take v1.1.0"},
		{"given up", []Release{newest}, Options{}, gaveUp, "v1.3.0 was given up on 2026-11-02 (no link); proa upgrade apply --again"},
		{"given up, again", []Release{newest}, Options{Again: true}, gaveUp, "take v1.3.0"},
		{"first wave", []Release{with(newest, func(r *Release) {
			r.Waves = []releasemeta.Wave{{Percent: 1, At: noon.Add(-time.Hour)}, {Percent: 100, At: noon.Add(time.Hour)}}
		})}, Options{Auto: true}, journal.Journal{}, "v1.3.0 is not for all machines yet; the turn of this one comes on 2026-11-02 13:00 UTC"},
		{"first wave, by command", []Release{with(newest, func(r *Release) { r.Waves = []releasemeta.Wave{{Percent: 1, At: noon.Add(time.Hour)}} })}, Options{}, journal.Journal{}, "take v1.3.0"},
		{"no wave", []Release{with(newest, func(r *Release) { r.Waves = []releasemeta.Wave{{Percent: 0, At: noon}} })}, Options{Auto: true}, journal.Journal{}, "v1.3.0 is not for all machines yet, and this one is in none of its waves"},
		{"not its wave yet, an older one", []Release{with(newest, func(r *Release) { r.Waves = later }), release("v1.2.5", 12), release("v1.2.4", 12), release("v1.1.0", 11)}, Options{Auto: true}, journal.Journal{}, "take v1.2.5"},
		{"its wave is soon", []Release{with(newest, func(r *Release) { r.Waves = soon }), release("v1.2.5", 12)}, Options{Auto: true}, journal.Journal{}, "v1.3.0 is not for all machines yet; the turn of this one comes on 2026-11-03 12:00 UTC"},
		{"two are not its wave yet", []Release{with(newest, func(r *Release) { r.Waves = later }), with(release("v1.2.9", 12), func(r *Release) { r.Waves = later }), release("v1.2.0", 11)}, Options{Auto: true}, journal.Journal{}, "v1.3.0 is not for all machines yet; the turn"},
		{"not its wave yet, the older one was given up", []Release{with(release("v1.4.0", 14), func(r *Release) { r.Waves = later }), newest}, Options{Auto: true}, gaveUp, "v1.4.0 is not for all machines yet; the turn"},
		{"its wave", []Release{with(newest, func(r *Release) { r.Waves = []releasemeta.Wave{all} })}, Options{Auto: true}, journal.Journal{}, "take v1.3.0"},
		{"stone", []Release{with(newest, func(r *Release) { r.Stones = []string{"v1.1.0", "v1.2.5", "v1.2.9"} }), release("v1.2.5", 12), release("v1.2.9", 12)}, Options{}, journal.Journal{}, "take v1.2.5"},
		{"stone gone", []Release{with(newest, func(r *Release) { r.Stones = []string{"v1.2.5"} })}, Options{}, journal.Journal{}, "leads through v1.2.5, which is not there"},
		{"too far", []Release{with(newest, func(r *Release) { r.From = "v1.2.5" })}, Options{}, journal.Journal{}, "error: v1.3.0 replaces v1.2.5 or later, and v1.2.0 runs"},
		{"near enough", []Release{with(newest, func(r *Release) { r.From = "v1.2.0" })}, Options{}, journal.Journal{}, "take v1.3.0"},
	} {
		m := Machine{Board: "pc", Arch: "amd64", Layout: 1, Version: "v1.2.0", Root: "abcd", Sequence: 12, ID: "0123456789abcdef0123456789abcdef"}
		c, err := Decide(m, test.all, test.j, test.o, noon)
		got := c.Why
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case c.Take():
			got = "take " + c.Release.Version
		}
		if c.Passed.Version != "" {
			got += "; passed: " + c.Passed.String()
		} else if err == nil {
			got += "; passed: none"
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

// TestWaves: of many machines as many as the percentage says are in a wave, others for another version.
func TestWaves(t *testing.T) {
	const machines = 10_000
	first, both := 0, 0
	for i := range machines {
		a, b := Place(fmt.Sprint(i), "v2"), Place(fmt.Sprint(i), "v3")
		if a < 0 || a >= 100 || a != Place(fmt.Sprint(i), "v2") {
			t.Fatalf("machine %d: %f", i, a)
		}
		if a < 5 {
			first++
			if b < 5 {
				both++
			}
		}
	}
	if first < machines*4/100 || first > machines*6/100 || both > first/4 {
		t.Errorf("%d of %d machines are in 5 %%, %d of them twice", first, machines, both)
	}
}

func TestAtLeast(t *testing.T) {
	for _, test := range []struct {
		version, least string
		want           bool
	}{
		{"v1.2.0", "v1.2.0", true}, {"v1.10.0", "v1.9.0", true}, {"v1.2.0-5-gabcdef1", "v1.2.0", true}, {"v1.2.0-dirty", "v1.2.0", true},
		{"v1.2.0-5-gabcdef1-dirty", "v1.2.1", false}, {"v1.2.0-rc1", "v1.2.0", false}, {"unknown", "v1.0.0", false},
		{"v1.2.0", "v1.2.0-5-gabcdef1", false}, {"v1.2.0-10-gabcdef1", "v1.2.0-9-gabcdef2", true}, {"v1.2.0-4-gabcdef1", "v1.2.0-5-gabcdef2-dirty", false}, {"v1.2.1", "v1.2.0-5-gabcdef1", true},
	} {
		if atLeast(test.version, test.least) != test.want {
			t.Errorf("%+v", test)
		}
	}
}
