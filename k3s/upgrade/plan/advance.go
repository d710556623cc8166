package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// releaseAll is for an Upgrade that is being deleted.
func (r *rollout) releaseAll() {
	for _, n := range r.Nodes {
		if r.ours(n) {
			r.release(n, "the Upgrade was deleted")
		}
	}
}

// advance decides about the nodes that were taken.
func (r *rollout) advance() {
	for _, n := range r.Nodes {
		switch {
		case r.ours(n) && !r.mine(n):
			if n.Progress.Step != api.Finished || n.Progress.Cordoned {
				r.release(n, "the Upgrade wants another source or version now")
			}
		case !r.mine(n):
		case n.Progress.Step == api.Finished:
			r.settle(n)
		case n.Progress.Step == api.Requested:
			r.await(n)
		case r.halted() != "":
			r.release(n, r.halted())
		case n.Progress.Step == api.Drained:
			r.request(n)
		default:
			r.drain(n)
		}
	}
}

// halted says why no node is begun and none is asked; empty if they are.
func (r *rollout) halted() string {
	switch {
	case r.invalid != nil:
		return "the Upgrade is invalid"
	case r.spec.Paused:
		return "the Upgrade is paused"
	case r.stopped():
		return "the Upgrade has stopped after a failure"
	case r.After != "":
		return "it is the turn of Upgrade " + r.After
	}
	return ""
}

// stopped says whether more nodes have failed than may.
func (r *rollout) stopped() bool {
	return *r.spec.StopOnFailure && len(r.failures) > r.spec.MaxFailures
}

func (r *rollout) drain(n Node) {
	if !*r.spec.Drain.Enabled || r.alone() {
		r.act(Action{Kind: Drain, Node: n.Name, Progress: r.progress(n, api.Drained), Request: n.Request, Text: "no pods have to leave"})
		return
	}
	if limit := r.spec.Drain.Timeout.Duration; r.Now.Sub(n.Progress.Since.Time) > limit {
		why := fmt.Sprintf("its pods have not left within %s", limit)
		if n.Blocked != "" {
			why += ": " + n.Blocked
		}
		r.finish(n, nodeupgrade.Aborted, "", why)
		return
	}
	r.act(Action{Kind: Drain, Node: n.Name, Progress: r.progress(n, api.Drained), Request: n.Request, Evict: true, Text: "its pods have left"})
}

func (r *rollout) request(n Node) {
	ask := nodeupgrade.Request{ID: r.id, Source: r.spec.Source, Version: r.spec.Version}
	r.act(Action{Kind: Request, Node: n.Name, Progress: r.progress(n, api.Requested), Request: ask.Encode(), Text: "asked to upgrade " + ask.String()})
}

// await looks for the answer of a node that was asked.
func (r *rollout) await(n Node) {
	late := r.Now.Sub(n.Progress.Since.Time) > r.spec.Timeout.Duration
	answered := n.State.ID == r.id
	switch {
	case answered && n.State.Result == nodeupgrade.Succeeded && r.wrong(n.State.Version):
		r.finish(n, nodeupgrade.Failed, n.State.Version, fmt.Sprintf("it has version %s now, not %s", n.State.Version, r.spec.Version))
	case answered && n.State.Result == nodeupgrade.Succeeded && n.Ready:
		r.finish(n, nodeupgrade.Succeeded, n.State.Version, n.State.Message)
	case answered && n.State.Result != "" && n.State.Result != nodeupgrade.Succeeded:
		r.finish(n, n.State.Result, n.State.Version, n.State.Message)
	case n.Request == "":
		r.finish(n, nodeupgrade.Aborted, n.State.Version, "its request was removed, "+r.asked(n))
	case late:
		r.finish(n, nodeupgrade.Failed, n.State.Version, fmt.Sprintf("no result within %s: %s", r.spec.Timeout.Duration, r.asked(n)))
	}
}

func (r *rollout) wrong(version string) bool {
	return r.spec.Version != "" && version != "" && version != r.spec.Version
}

// asked says how far a node is that was asked.
func (r *rollout) asked(n Node) string {
	switch {
	case n.State.ID == r.id && n.State.Result == nodeupgrade.Succeeded:
		return "upgraded, but not Ready"
	case n.State.ID == r.id:
		return join(n.State.Phase, n.State.Message)
	}
	return "it has not answered; does its configuration permit requests of the cluster (upgrade.cluster)?"
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

// finish notes a result. A node that is not Ready stays cordoned until it is.
func (r *rollout) finish(n Node, result nodeupgrade.Result, version, message string) {
	p := r.progress(n, api.Finished)
	p.Result, p.Version, p.Message = result, version, nodeupgrade.Line(message, 512)
	kind, text := Finish, "upgraded"
	if version != "" {
		text = "upgraded to version " + version
	}
	if result != nodeupgrade.Succeeded {
		kind, text = Fail, join(string(result), p.Message)
	}
	a := Action{Kind: kind, Node: n.Name, Progress: p, Text: text}
	if p.Cordoned && n.Ready {
		a.Cordon, a.Progress.Cordoned = new(bool), false
	}
	if kind == Fail {
		n.Progress = a.Progress
		r.failures = append(r.failures, n)
	}
	r.act(a)
}

// settle uncordons a node that was not Ready when it got its result.
func (r *rollout) settle(n Node) {
	if !n.Progress.Cordoned || !n.Ready {
		return
	}
	p := n.Progress
	p.Cordoned = false
	r.act(Action{Kind: Uncordon, Node: n.Name, Progress: p, Cordon: new(bool), Text: "is Ready again"})
}

func (r *rollout) release(n Node, why string) {
	a := Action{Kind: Release, Node: n.Name, Text: why}
	if n.Progress.Cordoned {
		a.Cordon = new(bool)
	}
	r.act(a)
}

// progress returns a node's progress in its next step.
func (r *rollout) progress(n Node, step api.Step) api.Progress {
	return api.Progress{ID: r.id, Upgrade: r.Upgrade.Name, Step: step, Since: metav1.NewTime(r.Now), Cordoned: n.Progress.Cordoned}
}

// alone says whether the cluster has a single node: its pods have nowhere to go.
func (r *rollout) alone() bool { return len(r.Nodes) == 1 }

func (r *rollout) act(a Action) { r.actions = append(r.actions, a) }
