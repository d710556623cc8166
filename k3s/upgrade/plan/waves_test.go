package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/proa-os/proa/k3s/upgrade/api"
)

// TestWaves: a canary, then a tenth, then the rest, each after the pause of the one before.
func TestWaves(t *testing.T) {
	sim := newCluster(t, names(20)...)
	all := intstr.FromString("100%")
	sim.upgrade.Spec.Concurrency = &all
	sim.upgrade.Spec.Waves = []api.Wave{
		{Selector: metav1.SetAsLabelSelector(map[string]string{"name": "n13"}), Pause: metav1.Duration{Duration: time.Hour}},
		{Percent: 10, Pause: metav1.Duration{Duration: 30 * time.Minute}},
	}
	began := map[string]time.Duration{}
	start := sim.now
	waves := []string{}
	for range 2000 {
		v := sim.look()
		out := Next(v.Input)
		sim.upgrade.Status = out.Status
		if w := out.Status.Wave; len(waves) == 0 || waves[len(waves)-1] != w {
			waves = append(waves, w)
		}
		for _, a := range out.Actions {
			if a.Kind == Begin {
				began[a.Node] = sim.now.Sub(start)
			}
			sim.apply(a, v.version)
		}
		if out.Status.Phase == api.Complete {
			break
		}
		sim.live()
	}
	if got := strings.Join(waves, " "); got != "1/3 2/3 3/3" || len(began) != 20 {
		t.Fatalf("waves %s, %d nodes", got, len(began))
	}
	second, third := began["n00"], began["n19"]
	if began["n13"] != 0 || second < time.Hour || second > 65*time.Minute || began["n01"] != second {
		t.Errorf("the canary at %s, the second wave at %s and %s", began["n13"], second, began["n01"])
	}
	if third < second+30*time.Minute || third > second+40*time.Minute || began["n02"] != third {
		t.Errorf("the third wave at %s", third)
	}
}

// TestJitter: the nodes of a wave begin spread over the time, and a controller that was restarted spreads them the same.
func TestJitter(t *testing.T) {
	const nodes, spread = 10_000, 6 * time.Hour
	sim := newCluster(t)
	sim.upgrade.Spec.Jitter = metav1.Duration{Duration: spread}
	r, again := read(sim.look().Input), read(sim.look().Input)
	var in [12]int // half hours
	for i := range nodes {
		n := Node{Name: fmt.Sprint("edge-", i)}
		at := r.jitter(n)
		if at < 0 || at >= spread || again.jitter(n) != at {
			t.Fatalf("%s at %s", n.Name, at)
		}
		in[int(at/(30*time.Minute))]++
	}
	if least, most := slices.Min(in[:]), slices.Max(in[:]); least < nodes/12*8/10 || most > nodes/12*12/10 {
		t.Errorf("half hours %v", in)
	}
}

// TestWaits: what a roll-out waits for is in its status, and nodes that are not Ready are not taken.
func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cluster)
		input  func(*Input)
		phase  api.Phase
		want   string
		active bool
	}{
		"not Ready": {func(s *cluster) { s.nodes["a"] = Node{Name: "a"} }, nil, api.Progressing, "waiting: node a is not Ready", true},
		"none": {func(s *cluster) {
			s.upgrade.Spec.NodeSelector = metav1.SetAsLabelSelector(map[string]string{"no": "such"})
		}, nil, api.Waiting, "no node matches nodeSelector", true},
		"turn": {nil, func(in *Input) { in.After = "winter" }, api.Waiting, "for Upgrade winter, which is older", true},
		"selector": {func(s *cluster) {
			s.upgrade.Spec.NodeSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
		}, nil, api.Invalid, `spec.nodeSelector: "Near" is not a valid label selector operator`, false},
		"source":  {func(s *cluster) { s.upgrade.Spec.Source = "https://a:b@h/" }, nil, api.Invalid, "spec.source: has a user name or password, which everybody who may read nodes could see", false},
		"current": {func(s *cluster) { s.nodes["a"] = Node{Name: "a", Version: "2"} }, nil, api.Complete, "all nodes have been upgraded", false},
	} {
		sim := newCluster(t, "a")
		if c.change != nil {
			c.change(sim)
		}
		in := sim.look().Input
		if c.input != nil {
			c.input(&in)
		}
		out := Next(in)
		if out.Status.Phase != c.phase || out.Status.Message != c.want || len(out.Actions) != 0 || out.Active != c.active {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

// TestWindow: outside of the window no node is begun, and those that were begun finish; conditions say when it opens.
func TestWindow(t *testing.T) {
	sim := newCluster(t, "a", "b", "c") // it is Thursday, midnight
	sim.upgrade.Spec.Window = api.Window{Days: []string{"thu", "fri"}, Start: "00:30", Length: metav1.Duration{Duration: 15 * time.Minute}, Timezone: "UTC"}
	begin := map[string]time.Time{}
	ended := time.Time{}
	for range 20_000 {
		v := sim.look()
		out := Next(v.Input)
		sim.upgrade.Status = out.Status
		is := meta.FindStatusCondition(out.Status.Conditions, api.CondWindow)
		clock := sim.now.Hour()*60 + sim.now.Minute()
		if open := clock >= 30 && clock < 45; is == nil || (is.Status == metav1.ConditionTrue) != open {
			t.Fatalf("at %s: %+v", sim.now, is)
		}
		for _, a := range out.Actions {
			if a.Kind == Begin {
				begin[a.Node] = sim.now
			}
			sim.apply(a, v.version)
		}
		if clock == 0 && !strings.Contains(out.Status.Message, "the window opens at 2026-01-") {
			t.Fatalf("at %s: %s", sim.now, out.Status.Message)
		}
		if out.Status.Phase == api.Complete {
			ended = sim.now
			break
		}
		sim.live()
		for name := range sim.nodes { // each needs longer than the half of a window
			if n := sim.nodes[name]; sim.work[name] == 1 && n.State.Result == "" && sim.now.Sub(begin[name]) < 10*time.Minute {
				sim.work[name] = 2
			}
		}
	}
	if ended.IsZero() || begin["a"].Day() != 1 || begin["b"].Day() != 1 || begin["c"].Day() != 2 {
		t.Errorf("begun at %v, complete at %s", begin, ended)
	}
	sim = newCluster(t, "a")
	sim.upgrade.Spec.Window = api.Window{Days: []string{"someday"}}
	if s := Next(sim.look().Input).Status; s.Phase != api.Invalid || !strings.HasPrefix(s.Message, "spec.window.days: ") {
		t.Errorf("%+v", s)
	}
}
