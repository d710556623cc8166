package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/window"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// rollout is an Upgrade while it is looked at.
type rollout struct {
	Input
	id      string
	spec    api.Spec
	was     api.Status
	invalid error
	window  window.Window

	nodes    []Node // selected ones, and those that were begun, in the order in which they are taken
	waves    []wave // all nodes are in one of them
	limit    int    // of nodes at a time
	started  time.Time
	failures []Node // that finished without success
	phase    api.Phase
	message  string
	actions  []Action
}

// wave is a part of the nodes.
type wave struct {
	nodes []Node
	pause time.Duration
}

// ID returns the name of an attempt: another source or version is another attempt.
func ID(u *api.Upgrade) string {
	sum := sha256.Sum256([]byte(u.Spec.Source + "\n" + u.Spec.Version))
	return string(u.UID) + "." + hex.EncodeToString(sum[:4])
}

func read(in Input) *rollout {
	r := &rollout{Input: in, id: ID(in.Upgrade), spec: in.Upgrade.Spec.Default(), was: in.Upgrade.Status, started: in.Now}
	if r.was.StartedAt != nil && r.was.ID == r.id {
		r.started = r.was.StartedAt.Time
	}
	r.Nodes = slices.SortedFunc(slices.Values(in.Nodes), order)
	if r.invalid = r.check(); r.invalid != nil {
		return r
	}
	selected, _ := metav1.LabelSelectorAsSelector(r.spec.NodeSelector)
	for _, n := range r.Nodes {
		if r.spec.NodeSelector == nil || selected.Matches(labels.Set(n.Labels)) || r.mine(n) {
			r.nodes = append(r.nodes, n)
		}
		if r.mine(n) && n.Progress.Step == api.Finished && n.Progress.Result != nodeupgrade.Succeeded {
			r.failures = append(r.failures, n)
		}
	}
	limit, _ := intstr.GetScaledValueFromIntOrPercent(r.spec.Concurrency, len(r.nodes), false)
	r.limit = max(1, limit)
	r.split()
	return r
}

// check says what in the specification cannot be carried out. Most is refused by the resource's schema already.
func (r *rollout) check() error {
	if err := nodeupgrade.CheckSource(r.spec.Source); err != nil {
		return fmt.Errorf("spec.%w", err)
	}
	if _, err := metav1.LabelSelectorAsSelector(r.spec.NodeSelector); err != nil {
		return fmt.Errorf("spec.nodeSelector: %w", err)
	}
	if _, err := intstr.GetScaledValueFromIntOrPercent(r.spec.Concurrency, 100, false); err != nil {
		return fmt.Errorf("spec.concurrency: %w", err)
	}
	var err error
	if r.window, err = window.Parse(r.spec.Window.Days, r.spec.Window.Start, r.spec.Window.Length.Duration, r.spec.Window.Timezone, time.Local); err != nil {
		return fmt.Errorf("spec.window.%w", err)
	}
	for i, w := range r.spec.Waves {
		if _, err := metav1.LabelSelectorAsSelector(w.Selector); err != nil {
			return fmt.Errorf("spec.waves[%d].selector: %w", i, err)
		}
	}
	for i, s := range r.spec.Drain.SkipSelector {
		if _, err := metav1.LabelSelectorAsSelector(&s); err != nil {
			return fmt.Errorf("spec.drain.skip[%d]: %w", i, err)
		}
	}
	return nil
}

const controlPlane = "node-role.kubernetes.io/control-plane"

// order puts servers first, because a kubelet must not be newer than the API server.
func order(a, b Node) int {
	rank := func(n Node) int {
		if _, server := n.Labels[controlPlane]; server {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Name, b.Name))
}

// split puts each node into the first wave that has room for it, and the rest into a last one.
func (r *rollout) split() {
	taken := map[string]bool{}
	for _, w := range r.spec.Waves {
		match, _ := metav1.LabelSelectorAsSelector(w.Selector)
		room := len(r.nodes)
		if w.Percent > 0 {
			room = (len(r.nodes)*w.Percent + 99) / 100
		}
		part := wave{pause: w.Pause.Duration}
		for _, n := range r.nodes {
			if !taken[n.Name] && len(part.nodes) < room && (w.Selector == nil || match.Matches(labels.Set(n.Labels))) {
				taken[n.Name] = true
				part.nodes = append(part.nodes, n)
			}
		}
		r.waves = append(r.waves, part)
	}
	rest := wave{}
	for _, n := range r.nodes {
		if !taken[n.Name] {
			rest.nodes = append(rest.nodes, n)
		}
	}
	if len(rest.nodes) > 0 || len(r.waves) == 0 {
		r.waves = append(r.waves, rest)
	}
}

func (r *rollout) mine(n Node) bool { return n.Progress.ID == r.id }

// ours says whether the node was taken by any attempt of this Upgrade.
func (r *rollout) ours(n Node) bool {
	owner, _, _ := strings.Cut(n.Progress.ID, ".")
	return owner != "" && owner == string(r.Upgrade.UID)
}

func (r *rollout) busy(n Node) bool { return r.mine(n) && n.Progress.Step != api.Finished }

// done says whether nothing is left to do about a node: it has a result, or it had the version before.
func (r *rollout) done(n Node) bool {
	return r.mine(n) && n.Progress.Step == api.Finished || r.current(n)
}

// current says whether the node has the version without having been taken.
func (r *rollout) current(n Node) bool {
	return !r.mine(n) && r.spec.Version != "" && n.Version == r.spec.Version
}
