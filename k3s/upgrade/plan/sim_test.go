package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// cluster is a simulated cluster: objects with versions, nodes that answer requests, and a clock. It keeps no more than
// an API server would.
type cluster struct {
	t       *testing.T
	now     time.Time
	upgrade api.Upgrade
	nodes   map[string]Node
	version map[string]int // of the Node objects
	fate    map[string]nodeupgrade.Result
	work    map[string]int // looks that a node still needs for its upgrade
	pods    map[string]int // looks until the last pod has left
	journal []string
	most    int // nodes that were away at the same time
}

func newCluster(t *testing.T, nodes ...string) *cluster {
	c := &cluster{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nodes: map[string]Node{}, version: map[string]int{},
		fate: map[string]nodeupgrade.Result{}, work: map[string]int{}, pods: map[string]int{}}
	c.upgrade = api.Upgrade{ObjectMeta: metav1.ObjectMeta{Name: "spring", UID: types.UID("u1"), Generation: 1}, Spec: api.Spec{Version: "2"}}
	for _, n := range nodes {
		c.nodes[n] = Node{Name: n, Ready: true, Version: "1", Labels: map[string]string{"name": n}}
		c.fate[n], c.pods[n] = nodeupgrade.Succeeded, 1
	}
	return c
}

// look is a view of the cluster, as a controller reads it.
type look struct {
	Input
	version map[string]int
}

func (c *cluster) look() look {
	u := c.upgrade
	return look{Input{Upgrade: &u, Nodes: slices.Collect(maps.Values(c.nodes)), Now: c.now}, maps.Clone(c.version)}
}

// apply carries out an action as the controller does: it is refused if the node has changed since the look.
func (c *cluster) apply(a Action, seen map[string]int) {
	n := c.nodes[a.Node]
	if c.version[a.Node] != seen[a.Node] {
		return
	}
	if a.Evict && c.pods[a.Node] > 0 {
		c.pods[a.Node]--
		return
	}
	n.Progress, n.Request = a.Progress, a.Request
	if a.Cordon != nil {
		n.Cordoned = *a.Cordon
	}
	c.nodes[a.Node] = n
	c.version[a.Node]++
	c.journal = append(c.journal, string(a.Kind)+" "+a.Node)
	away := 0
	for _, n := range c.nodes {
		if n.Progress.ID != "" && n.Progress.Step != api.Finished {
			away++
		}
	}
	c.most = max(c.most, away)
}

// live lets the nodes work: one that was asked goes down, and comes back with its fate.
func (c *cluster) live() {
	c.now = c.now.Add(10 * time.Second)
	for name, n := range c.nodes {
		ask, err := nodeupgrade.ParseRequest(n.Request)
		if err != nil || n.State.ID == ask.ID && n.State.Result != "" {
			continue
		}
		switch {
		case n.State.ID != ask.ID:
			c.work[name], n.State = 4, nodeupgrade.State{ID: ask.ID, Phase: "writing"}
			c.journal = append(c.journal, "starts "+name)
		case c.work[name] > 1:
			c.work[name]--
			n.Ready = false
		default:
			n.State.Result, n.State.Phase, n.State.Version, n.Ready = c.fate[name], "done", "2", true
			if c.fate[name] == nodeupgrade.Succeeded {
				n.Version = "2"
			} else {
				n.State.Message, n.State.Version = "node Ready: no CNI", ""
			}
		}
		c.nodes[name] = n
		c.version[name]++
	}
}

// run looks until the roll-out has nothing more to do. With chaos, a controller dies between any two actions, its last
// status is lost, and some looks are old.
func (c *cluster) run(chaos *rand.Rand) {
	c.t.Helper()
	old := c.look()
	for range 2000 {
		v := c.look()
		if chaos != nil && chaos.IntN(4) == 0 {
			v, old = old, v
			v.Now = c.now
		}
		out := Next(v.Input)
		actions := out.Actions
		if chaos != nil && chaos.IntN(3) == 0 {
			actions = actions[:chaos.IntN(len(actions)+1)]
		} else {
			c.save(out.Status, v)
		}
		for _, a := range actions {
			c.apply(a, v.version)
		}
		if !out.Active && maps.Equal(c.version, v.version) && out.Status.Phase == c.upgrade.Status.Phase {
			return
		}
		c.live()
	}
	c.t.Fatalf("it never ends: %+v\n%s", c.upgrade.Status, strings.Join(c.journal, "\n"))
}

func (c *cluster) save(s api.Status, v look) {
	if v.Upgrade.ResourceVersion == c.upgrade.ResourceVersion {
		c.upgrade.Status = s
		c.upgrade.ResourceVersion += "."
	}
}

// count returns how often the journal has an entry.
func (c *cluster) count(entry string) (n int) {
	for _, e := range c.journal {
		if e == entry {
			n++
		}
	}
	return n
}

// results returns the nodes with their results, and cordons.
func (c *cluster) results() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		n := c.nodes[name]
		text := name + " " + string(n.Progress.Result)
		if n.Cordoned {
			text += " cordoned"
		}
		out = append(out, strings.TrimSpace(text))
	}
	return strings.Join(out, ", ")
}

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("n%02d", i))
	}
	return out
}
