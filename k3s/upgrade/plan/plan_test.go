package plan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// TestOneAfterAnother is the whole way of a small cluster.
func TestOneAfterAnother(t *testing.T) {
	c := newCluster(t, "a", "b")
	c.nodes["b"] = Node{Name: "b", Ready: true, Cordoned: true, Labels: map[string]string{controlPlane: "true"}}
	c.run(nil)
	want := []string{"NodeTaken b", "NodeDrained b", "UpgradeRequested b", "starts b", "NodeUpgraded b",
		"NodeTaken a", "NodeDrained a", "UpgradeRequested a", "starts a", "NodeUpgraded a"}
	if diff := cmp.Diff(want, c.journal); diff != "" {
		t.Error(diff)
	}
	if got := c.results(); got != "a succeeded, b succeeded cordoned" {
		t.Errorf("a server first, and what the user cordoned stays so: %s", got)
	}
	s := c.upgrade.Status
	if s.Phase != api.Complete || s.Updated != 2 || s.Total != 2 || s.Wave != "1/1" || !meta.IsStatusConditionTrue(s.Conditions, api.CondComplete) || len(s.Nodes) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestAlone: the pods of a single node have nowhere to go.
func TestAlone(t *testing.T) {
	c := newCluster(t, "a")
	c.pods["a"] = 1 << 30
	c.run(nil)
	if got := c.results(); got != "a succeeded" || c.count("NodeTaken a") != 1 {
		t.Error(got)
	}
}

// TestRestarts: whenever a controller dies, and however old its view is, each node is taken and asked once, never more
// are away than may be, and the result is the same.
func TestRestarts(t *testing.T) {
	all := names(7)
	for _, c := range []struct {
		concurrency intstr.IntOrString
		limit       int
		fails       string
		want        string
	}{
		{intstr.FromInt32(1), 1, "", "all"},
		{intstr.FromString("30%"), 2, "", "all"},
		{intstr.FromInt32(9), 7, "", "all"},
		{intstr.FromInt32(1), 1, "n03", "n00 succeeded, n01 succeeded, n02 succeeded, n03 rolled back, n04, n05, n06"},
		{intstr.FromInt32(3), 3, "n02", ""},
	} {
		for seed := range uint64(150) {
			sim := newCluster(t, all...)
			sim.upgrade.Spec.Concurrency = &c.concurrency
			if c.fails != "" {
				sim.fate[c.fails] = nodeupgrade.RolledBack
			}
			sim.run(rand.New(rand.NewPCG(seed, 1)))
			for _, n := range all {
				if taken, asked := sim.count("NodeTaken "+n), sim.count("starts "+n); asked > 1 || taken > 1 && c.fails == "" {
					t.Errorf("seed %d: %s was taken %d times, and started %d times", seed, n, taken, asked)
				}
			}
			want := strings.ReplaceAll(c.want, "all", strings.Join(all, " succeeded, ")+" succeeded")
			if got := sim.results(); want != "" && got != want || strings.Contains(got, "cordoned") || sim.most > c.limit {
				t.Fatalf("seed %d: at most %d away; %s\n%s", seed, sim.most, got, strings.Join(sim.journal, "\n"))
			}
			if phase := sim.upgrade.Status.Phase; (phase == api.Failed) != (c.fails != "") {
				t.Errorf("seed %d: %s", seed, phase)
			}
		}
	}
}

// TestFailure: the first failure stops the roll-out with its reason; with more allowed it goes on.
func TestFailure(t *testing.T) {
	for _, c := range []struct {
		change func(*api.Spec)
		phase  api.Phase
		want   string
	}{
		{func(*api.Spec) {}, api.Failed, "a succeeded, b rolled back, c, d"},
		{func(s *api.Spec) { s.MaxFailures = 1 }, api.Complete, "a succeeded, b rolled back, c succeeded, d succeeded"},
		{func(s *api.Spec) { s.StopOnFailure = new(bool) }, api.Complete, "a succeeded, b rolled back, c succeeded, d succeeded"},
	} {
		sim := newCluster(t, "a", "b", "c", "d")
		sim.fate["b"] = nodeupgrade.RolledBack
		c.change(&sim.upgrade.Spec)
		sim.run(nil)
		s := sim.upgrade.Status
		if s.Phase != c.phase || sim.results() != c.want || s.Failed != 1 {
			t.Errorf("%s, %+v", sim.results(), s)
		}
		degraded := meta.FindStatusCondition(s.Conditions, api.CondDegraded)
		if degraded == nil || degraded.Status != metav1.ConditionTrue || degraded.Message != "node b rolled back: node Ready: no CNI" {
			t.Errorf("%+v", degraded)
		}
	}
}

// TestAfterAFailure: what has failed stays so when its node goes to another Upgrade, and goes on when it is changed.
func TestAfterAFailure(t *testing.T) {
	sim := newCluster(t, "a", "b")
	sim.fate["a"] = nodeupgrade.Failed
	sim.run(nil)
	a := sim.nodes["a"]
	a.Progress = api.Progress{ID: "u2.0", Step: api.Finished, Result: nodeupgrade.Succeeded}
	sim.nodes["a"] = a
	sim.run(nil)
	if s := sim.upgrade.Status; s.Phase != api.Failed || sim.count("NodeTaken b") != 0 || !Over(&sim.upgrade) {
		t.Errorf("%+v", s)
	}
	sim.upgrade.Spec.Version, sim.fate["a"] = "3", nodeupgrade.Succeeded
	sim.upgrade.Generation++
	if Over(&sim.upgrade) {
		t.Error("a changed Upgrade is over")
	}
	if s := Next(sim.look().Input).Status; s.Phase != api.Progressing || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestNotReadyStaysCordoned: a node that failed and is not Ready gets no pods until it is.
func TestNotReadyStaysCordoned(t *testing.T) {
	sim := newCluster(t, "a", "b")
	sim.upgrade.Status.ID = ID(&sim.upgrade)
	n := Node{Name: "a", Cordoned: true, State: nodeupgrade.State{ID: ID(&sim.upgrade), Result: nodeupgrade.Failed, Message: "x"},
		Progress: api.Progress{ID: ID(&sim.upgrade), Step: api.Requested, Since: metav1.NewTime(sim.now), Cordoned: true}, Request: "x"}
	sim.nodes["a"] = n
	v := sim.look()
	out := Next(v.Input)
	if len(out.Actions) != 1 || out.Actions[0].Kind != Fail || out.Actions[0].Cordon != nil || !out.Actions[0].Progress.Cordoned {
		t.Fatalf("%+v", out.Actions)
	}
	sim.apply(out.Actions[0], v.version)
	for range 2 { // at the first look the phase becomes Failed
		out = Next(sim.look().Input)
		sim.upgrade.Status = out.Status
	}
	if len(out.Actions) != 0 || !out.Active || out.Status.Phase != api.Failed {
		t.Fatalf("%+v", out)
	}
	n = sim.nodes["a"]
	n.Ready = true
	sim.nodes["a"] = n
	sim.run(nil)
	if got := sim.results(); got != "a failed, b" {
		t.Error(got)
	}
}

// TestHalts: a pause, a deletion and another version release the nodes that were not asked yet, and no others.
func TestHalts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*api.Upgrade)
		want   string // actions
		phase  api.Phase
	}{
		"pause":   {func(u *api.Upgrade) { u.Spec.Paused = true }, "NodeReleased b", api.Paused},
		"deleted": {func(u *api.Upgrade) { u.DeletionTimestamp = &metav1.Time{} }, "NodeReleased a, NodeReleased b", ""},
		"version": {func(u *api.Upgrade) { u.Spec.Version = "3" }, "NodeReleased a, NodeReleased b", api.Progressing},
		"invalid": {func(u *api.Upgrade) { u.Spec.Source = "ftp://x" }, "NodeReleased a, NodeReleased b", api.Invalid},
		"nothing": {func(*api.Upgrade) {}, "UpgradeRequested b", api.Progressing},
	} {
		sim := newCluster(t, "a", "b", "c", "d")
		two := intstr.FromInt32(2)
		sim.upgrade.Spec.Concurrency = &two
		for name, step := range map[string]api.Step{"a": api.Requested, "b": api.Drained} {
			sim.nodes[name] = Node{Name: name, Ready: true, Cordoned: true, Request: "x",
				Progress: api.Progress{ID: ID(&sim.upgrade), Step: step, Since: metav1.NewTime(sim.now), Cordoned: true}}
		}
		c.change(&sim.upgrade)
		out := Next(sim.look().Input)
		var got []string
		for _, a := range out.Actions {
			got = append(got, fmt.Sprintf("%s %s", a.Kind, a.Node))
			if a.Kind == Release && (a.Cordon == nil || *a.Cordon || a.Request != "" || a.Progress.ID != "") {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if strings.Join(got, ", ") != c.want || out.Status.Phase != c.phase || out.Released || !out.Active {
			t.Errorf("%s: %s, %+v", name, strings.Join(got, ", "), out.Status)
		}
	}
}

// TestTimes: pods that do not leave, and a node that does not answer, end the attempt of the node.
func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		node Node
		late time.Duration
		want string // text of the action; empty: none
	}{
		"draining":    {Node{Progress: api.Progress{Step: api.Draining}, Blocked: "pod x/y"}, 11 * time.Minute, "aborted: its pods have not left within 10m0s: pod x/y"},
		"unanswered":  {Node{Progress: api.Progress{Step: api.Requested}, Request: "x"}, 3 * time.Hour, "failed: no result within 2h0m0s: it has not answered; does its configuration permit requests of the cluster (upgrade.cluster)?"},
		"in time":     {Node{Progress: api.Progress{Step: api.Requested}, Request: "x"}, time.Hour, ""},
		"removed":     {Node{Progress: api.Progress{Step: api.Requested}}, time.Minute, "aborted: its request was removed, it has not answered; does its configuration permit requests of the cluster (upgrade.cluster)?"},
		"not Ready":   {Node{Progress: api.Progress{Step: api.Requested}, Request: "x", State: nodeupgrade.State{Result: "succeeded", Version: "2"}}, time.Minute, ""},
		"never Ready": {Node{Progress: api.Progress{Step: api.Requested}, Request: "x", State: nodeupgrade.State{Result: "succeeded"}}, 3 * time.Hour, "failed: no result within 2h0m0s: upgraded, but not Ready"},
		"other":       {Node{Ready: true, Progress: api.Progress{Step: api.Requested}, Request: "x", State: nodeupgrade.State{Result: "succeeded", Version: "7"}}, 0, "failed: it has version 7 now, not 2"},
	} {
		sim := newCluster(t, "a", "b")
		c.node.Name, c.node.Progress.ID, c.node.Progress.Since = "a", ID(&sim.upgrade), metav1.NewTime(sim.now)
		if c.node.State.Result != "" {
			c.node.State.ID = ID(&sim.upgrade)
		}
		sim.nodes["a"] = c.node
		sim.now = sim.now.Add(c.late)
		out := Next(sim.look().Input)
		got := ""
		for _, a := range out.Actions {
			got += a.Text
		}
		if got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
