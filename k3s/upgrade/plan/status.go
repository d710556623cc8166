package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// active says whether there will be more to do without a change of the Upgrade.
func (r *rollout) active() bool {
	if len(r.actions) > 0 || r.phase == api.Waiting || r.phase == api.Progressing {
		return true
	}
	for _, n := range r.Nodes {
		if r.busy(n) || r.ours(n) && n.Progress.Cordoned {
			return true
		}
	}
	return false
}

// Over says whether an Upgrade leaves the turn to the next one.
func Over(u *api.Upgrade) bool {
	s := u.Status
	switch {
	case u.DeletionTimestamp != nil:
		return true
	case s.ID != ID(u):
		return false
	}
	seen := s.ObservedGeneration == u.Generation
	return s.Phase == api.Complete || s.Phase == api.Failed && seen || s.Phase == api.Invalid && seen && s.Upgrading == 0
}

// status returns the status as the nodes were before the actions.
func (r *rollout) status() api.Status {
	if ended := r.phase == api.Complete || r.phase == api.Failed; ended && r.was.Phase == r.phase && r.was.ID == r.id {
		r.was.ObservedGeneration = r.Upgrade.Generation // what it has counted stays
		return r.was
	}
	s := api.Status{ID: r.id, ObservedGeneration: r.Upgrade.Generation, Phase: r.phase, Message: r.message, Total: len(r.nodes)}
	if r.phase != api.Waiting && r.phase != api.Invalid {
		started := metav1.NewTime(r.started)
		s.StartedAt = &started
	}
	for _, n := range r.Nodes {
		if r.busy(n) {
			s.Upgrading++
		}
	}
	s.Updated = r.count(r.updated)
	s.Failed = r.count(r.failed)
	s.Pending = max(0, s.Total-s.Upgrading-s.Updated-s.Failed)
	if w, _ := r.wave(); len(r.waves) > 0 {
		s.Wave = fmt.Sprintf("%d/%d", min(w+1, len(r.waves)), len(r.waves))
	}
	s.Nodes = r.list()
	if s.Message == "" {
		s.Message = fmt.Sprintf("%d of %d nodes have been upgraded", s.Updated, s.Total)
	}
	r.conditions(&s)
	return s
}

func (r *rollout) failed(n Node) bool {
	return r.mine(n) && n.Progress.Step == api.Finished && n.Progress.Result != nodeupgrade.Succeeded
}

func (r *rollout) updated(n Node) bool { return r.done(n) && !r.failed(n) }

// list returns the nodes that failed and those in progress.
func (r *rollout) list() (out []api.NodeStatus) {
	for _, n := range r.nodes {
		if r.failed(n) {
			out = append(out, api.NodeStatus{Name: n.Name, Phase: string(n.Progress.Result), Message: n.Progress.Message})
		}
	}
	for _, n := range r.nodes {
		if !r.busy(n) {
			continue
		}
		s := api.NodeStatus{Name: n.Name, Phase: string(n.Progress.Step), Message: n.Blocked}
		if n.Progress.Step == api.Requested {
			s.Message = r.asked(n)
		}
		out = append(out, s)
	}
	return out[:min(len(out), api.MaxNodes)]
}

// conditions sets the conditions; the times of those that stay the same stay.
func (r *rollout) conditions(s *api.Status) {
	s.Conditions = slices.Clone(r.was.Conditions)
	set := func(kind string, is bool, reason, message string) {
		state := metav1.ConditionFalse
		if is {
			state = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: kind, Status: state, Reason: reason, Message: message,
			ObservedGeneration: r.Upgrade.Generation, LastTransitionTime: metav1.NewTime(r.Now)})
	}
	set(api.CondProgressing, r.phase == api.Progressing, string(r.phase), s.Message)
	set(api.CondComplete, r.phase == api.Complete, string(r.phase), s.Message)
	switch until, open := r.window.Open(r.Now); {
	case !r.window.Set:
		meta.RemoveStatusCondition(&s.Conditions, api.CondWindow)
	case open:
		set(api.CondWindow, true, "Open", "until "+until.UTC().Format(time.RFC3339))
	default:
		set(api.CondWindow, false, "Closed", r.closed()+"; no node is begun before")
	}
	switch {
	case r.invalid != nil:
		set(api.CondDegraded, true, "InvalidSpec", r.message)
	case len(r.failures) > 0:
		set(api.CondDegraded, true, "NodeFailed", r.why())
	default:
		set(api.CondDegraded, false, "AsExpected", "no node has failed")
	}
}
