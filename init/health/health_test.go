package health

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

const (
	early = time.Minute
	late  = 16 * time.Minute
)

// whole returns the facts of a machine on which everything works, on trial with a good fallback slot.
func whole(elapsed time.Duration) Facts {
	return Facts{Route: true, IPv4Route: true, K3s: true, NodeReady: true, ReadyFor: time.Hour, Before: &Held{DefaultRoute: true, IPv4Route: true}, Trial: true, Fallback: true, Deadline: 15 * time.Minute, Elapsed: elapsed}
}

// TestJudge: each row changes one fact of a machine on which everything works.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		elapsed time.Duration
		change  func(*Facts)
		want    Verdict
		reason  string
	}{
		{"all holds", early, func(*Facts) {}, Good, ""},
		{"all holds at last", late, func(*Facts) {}, Good, ""},
		{"a step failed", early, func(f *Facts) { f.FailedSteps = []Failed{{"network", "x"}} }, Wait, "boot steps: network: x"},
		{"a step failed, late", late, func(f *Facts) { f.FailedSteps = []Failed{{"network", "x"}, {"clock", "y"}} }, GiveUp, "boot steps: network: x; clock: y"},
		{"a step failed, and before", early, func(f *Facts) {
			f.FailedSteps, f.Before.FailedSteps = []Failed{{"network", "x"}}, []string{"clock", "network"}
		}, Good, ""},
		{"another one failed before", late, func(f *Facts) {
			f.FailedSteps, f.Before.FailedSteps = []Failed{{"network", "x"}, {"data", "z"}}, []string{"network"}
		}, GiveUp, "boot steps: data: z"},
		{"first slot, a step failed", early, func(f *Facts) { f.FailedSteps, f.Before, f.Fallback = []Failed{{"x", "y"}}, nil, false }, Wait, "boot steps: x: y"},
		{"first slot, a step failed, late", late, func(f *Facts) { f.FailedSteps, f.Before, f.Fallback = []Failed{{"x", "y"}}, nil, false }, Good, ""},
		{"no route", early, func(f *Facts) { f.Route = false }, Wait, "default route: there is none"},
		{"no route, late", late, func(f *Facts) { f.Route = false }, GiveUp, "default route: there is none"},
		{"no route, nor before", early, func(f *Facts) { f.Route, f.Before = false, &Held{} }, Good, ""},
		{"no route, before not known", late, func(f *Facts) { f.Route, f.Before = false, nil }, GiveUp, "default route: there is none"},
		{"first slot, no route", early, func(f *Facts) { f.Route, f.Before, f.Fallback = false, nil, false }, Wait, "default route: there is none"},
		{"first slot, no route, late", late, func(f *Facts) { f.Route, f.Before, f.Fallback = false, nil, false }, Good, ""},
		{"good slot, no route, before not known", late, func(f *Facts) { f.Route, f.Before, f.Trial = false, nil, false }, Wait, "default route: there is none"},
		{"only IPv6 is left", early, func(f *Facts) { f.IPv4Route = false }, Wait, "IPv4 default route: there is none"},
		{"only IPv6 is left, late", late, func(f *Facts) { f.IPv4Route = false }, GiveUp, "IPv4 default route: there is none"},
		{"only IPv6, as before", late, func(f *Facts) { f.IPv4Route, f.Before.IPv4Route = false, false }, Good, ""},
		{"only IPv6, before not known", late, func(f *Facts) { f.IPv4Route, f.Before = false, nil }, Good, ""},
		{"not Ready", early, func(f *Facts) { f.NodeReady, f.K3sLine = false, "starting" }, Wait, "node Ready: starting"},
		{"not Ready, late", late, func(f *Facts) { f.NodeReady, f.K3sLine = false, "restarting" }, GiveUp, "node Ready: restarting"},
		{"Ready, not for long", early, func(f *Facts) { f.ReadyFor = ReadyLong - 1 }, Wait, "node Ready: for 29s of 30s without a restart of k3s"},
		{"Ready for long enough", early, func(f *Facts) { f.ReadyFor = ReadyLong }, Good, ""},
		{"Ready again and again", late, func(f *Facts) { f.ReadyFor, f.Restarts = 12*time.Second, 7 }, GiveUp, "node Ready: k3s was restarted 7 times; for 12s of 30s without a restart of k3s"},
		{"a crash loop, late", late, func(f *Facts) {
			f.NodeReady, f.ReadyFor, f.Restarts, f.K3sLine = false, 0, 1, "restarting (last run: exit code 1)"
		}, GiveUp, "node Ready: k3s was restarted once; restarting (last run: exit code 1)"},
		{"a good slot is not waited for", early, func(f *Facts) { f.Trial, f.ReadyFor = false, 0 }, Good, ""},
		{"a check of the user's fails", early, func(f *Facts) { f.Checks = []Check{{"shop", ""}, {"till", "HTTP status 500"}, {"mail", "refused"}} }, Wait, "user checks: till: HTTP status 500; mail: refused"},
		{"a check of the user's fails, late", late, func(f *Facts) { f.Checks = []Check{{"shop", "HTTP status 500"}} }, GiveUp, "user checks: shop: HTTP status 500"},
		{"the user's checks hold", early, func(f *Facts) { f.Checks = []Check{{"shop", ""}} }, Good, ""},
		{"first slot, a check fails, late", late, func(f *Facts) { f.Fallback, f.Checks = false, []Check{{"shop", "HTTP status 500"}} }, Stay, "user checks: shop: HTTP status 500"},
		{"k3s off", late, func(f *Facts) { f.NodeReady, f.K3s = false, false }, Good, ""},
		{"first slot, not Ready, late", late, func(f *Facts) { f.NodeReady, f.Fallback = false, false }, Stay, "node Ready: "},
		{"good slot, not Ready, late", late, func(f *Facts) { f.NodeReady, f.Trial = false, false }, Wait, "node Ready: "},
		{"to the minute", 15 * time.Minute, func(f *Facts) { f.NodeReady = false }, GiveUp, "node Ready: "},
	} {
		f := whole(c.elapsed)
		c.change(&f)
		j := Judge(f)
		reason := ""
		if j.Condition != "" {
			reason = j.Condition + ": " + j.Why
		}
		if j.Verdict != c.want || reason != c.reason {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, j.Verdict, reason, c.want, c.reason)
		}
	}
}

// TestNeverForEver: a machine without a good fallback slot is never restarted, nor is one that runs a good slot.
func TestNeverForEver(t *testing.T) {
	for bits := range 64 {
		on := func(n int) bool { return bits&(1<<n) != 0 }
		f := Facts{Route: on(0), NodeReady: on(1), K3s: on(2), Trial: on(3), Deadline: time.Minute, Elapsed: time.Hour}
		if on(4) {
			f.FailedSteps = []Failed{{"x", ""}}
		}
		if f.Fallback = !f.Trial; on(5) {
			f.Before = &Held{DefaultRoute: true}
		}
		if j := Judge(f); j.Verdict == GiveUp {
			t.Errorf("%+v: %+v", f, j)
		}
	}
}

// TestSteady: a look each 5 seconds at a node that is Ready from 10 s on, and whose runtime ends at the given times and is
// Ready again at the next look. It must never be Ready for long while the runtime ends more often than that.
func TestSteady(t *testing.T) {
	start := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		every time.Duration // of the runtime's ends; 0: none
		good  bool
	}{"never ends": {0, true}, "ends every 30 s": {30 * time.Second, false}, "ends every 10 s": {10 * time.Second, false}, "ends every 50 s": {50 * time.Second, true}} {
		var s Steady
		longest := time.Duration(0)
		for at := time.Duration(0); at < 10*time.Minute; at += 5 * time.Second {
			restarts := 0
			if c.every > 0 {
				restarts = int(at / c.every)
			}
			longest = max(longest, s.Look(start.Add(at), at >= 10*time.Second, restarts))
		}
		if (longest >= ReadyLong) != c.good {
			t.Errorf("%s: Ready for %s", name, longest)
		}
	}
	var s Steady
	for i, c := range []struct {
		ready    bool
		restarts int
		want     time.Duration
	}{{true, 0, 0}, {true, 0, time.Second}, {false, 0, 0}, {true, 0, 0}, {true, 0, time.Second}, {true, 1, 0}, {true, 1, time.Second}} {
		if got := s.Look(start.Add(time.Duration(i)*time.Second), c.ready, c.restarts); got != c.want {
			t.Errorf("look %d: %s, want %s", i, got, c.want)
		}
	}
}

// TestAll: each condition is told, also those after the first that fails.
func TestAll(t *testing.T) {
	f := whole(early)
	f.IPv4Route, f.Checks = false, []Check{{"shop", ""}, {"till", "refused"}}
	var got []string
	for _, c := range f.All() {
		got = append(got, c.String())
	}
	want := []string{"ok    boot steps", "ok    default route", "FAIL  IPv4 default route: there is none", "ok    node Ready", "ok    check shop", "FAIL  check till: refused"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTexts(t *testing.T) {
	j := Judgement{Condition: "node Ready", Why: "starting"}
	for v, want := range map[Verdict]string{
		Wait:   "not good yet: node Ready: starting",
		GiveUp: "not good after 15m0s: node Ready: starting; restarting",
		Stay:   "not good after 15m0s: node Ready: starting; staying up, because there is no good slot to go back to",
	} {
		if j.Verdict = v; j.Text(15*time.Minute) != want {
			t.Errorf("%s, want %s", j.Text(15*time.Minute), want)
		}
	}
	if got := (Judgement{Verdict: Good}).Text(0); got != "" {
		t.Errorf("good: %q", got)
	}
	if want := "health\n  1  boot steps\n  2  default route\n  3  IPv4 default route\n  4  node Ready\n  5  user checks\n"; Print() != want {
		t.Errorf("table\n%s", Print())
	}
}

func TestHeld(t *testing.T) {
	file := filepath.Join(t.TempDir(), "held.json")
	if h := Load(file); h != nil {
		t.Errorf("nothing was kept: %+v", h)
	}
	for _, want := range []Held{{true, true, nil}, {true, false, nil}, {false, false, []string{"clock"}}} {
		if err := Save(os.WriteFile, file, want); err != nil {
			t.Fatal(err)
		}
		if h := Load(file); h == nil || !reflect.DeepEqual(*h, want) {
			t.Errorf("%+v, want %+v", h, want)
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h := Load(file); h != nil {
		t.Errorf("half a file: %+v", h)
	}
}
