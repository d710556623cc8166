package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
	"github.com/proa-os/proa/k3s/upgrade/plan"
)

// view is what one look has found: every node with the version of its object, on which all changes are conditional.
type view struct {
	nodes   []plan.Node
	version map[string]string
}

// pass looks at all Upgrades once, and says when to look again; 0: nothing is left to do.
func (c *Controller) pass(ctx context.Context) (next time.Duration, err error) {
	all, err := c.list(ctx)
	if err != nil {
		return 0, err
	}
	v, err := c.look(ctx)
	if err != nil {
		return 0, err
	}
	turn := ""
	for _, u := range all {
		wish, err := c.one(ctx, u, turn, v)
		if err != nil && !apierrors.IsConflict(err) { // a conflict: it has changed since the look, so look again
			c.log("Upgrade %s: %v", u.Name, err)
		}
		if wish > 0 && (next == 0 || wish < next) {
			next = wish
		}
		if turn == "" && !plan.Over(u) {
			turn = u.Name
		}
	}
	return next, ctx.Err()
}

// one carries out what is decided about an Upgrade, and says when to look at it again. Its status is written first, because
// the start of the roll-out is in it.
func (c *Controller) one(ctx context.Context, u *api.Upgrade, turn string, v view) (next time.Duration, err error) {
	held := slices.Contains(u.Finalizers, api.Finalizer)
	switch {
	case u.DeletionTimestamp != nil && !held:
		return 0, nil // somebody else's finalizer keeps it
	case !held:
		return soon, c.finalizers(ctx, u, append(slices.Clone(u.Finalizers), api.Finalizer))
	}
	out := plan.Next(plan.Input{Upgrade: u, After: turn, Nodes: v.nodes, Now: time.Now()})
	if err := c.save(ctx, u, out.Status); err != nil {
		return soon, err
	}
	for _, a := range out.Actions {
		if err := c.act(ctx, u, a, v.version[a.Node]); err != nil {
			return soon, fmt.Errorf("node %s: %s: %w", a.Node, a.Kind, err)
		}
	}
	switch {
	case out.Released:
		others := slices.DeleteFunc(slices.Clone(u.Finalizers), func(f string) bool { return f == api.Finalizer })
		return soon, c.finalizers(ctx, u, others)
	case len(out.Actions) > 0 || out.Status.Upgrading > 0:
		return soon, nil
	case out.Active:
		return later, nil
	}
	return 0, nil
}

// look reads the nodes as they are, not as a cache had them: by an old view too many might be taken.
func (c *Controller) look(ctx context.Context) (view, error) {
	list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return view{}, err
	}
	v := view{version: map[string]string{}}
	for _, n := range list.Items {
		v.version[n.Name] = n.ResourceVersion
		state, _ := nodeupgrade.ParseState(n.Annotations[api.StateKey]) // an invalid one is none
		v.nodes = append(v.nodes, plan.Node{
			Name: n.Name, Labels: n.Labels, Ready: ready(&n), Cordoned: n.Spec.Unschedulable, Version: n.Annotations[api.VersionKey],
			Request: n.Annotations[api.RequestKey], State: state, Progress: api.ParseProgress(n.Annotations[api.ProgressKey]), Blocked: c.blocked[n.Name],
		})
	}
	return v, nil
}

func ready(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// act makes the change of an action, unless the node has changed since the look.
func (c *Controller) act(ctx context.Context, u *api.Upgrade, a plan.Action, version string) error {
	if a.Evict {
		left, err := c.evict(ctx, u.Spec.Default().Drain, a.Node)
		if err != nil {
			return err
		}
		if c.blocked[a.Node] = left; left != "" {
			return nil
		}
	}
	delete(c.blocked, a.Node)
	patch, err := json.Marshal(change(a, version))
	if err != nil {
		return err
	}
	if _, err := c.client.CoreV1().Nodes().Patch(ctx, a.Node, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		if apierrors.IsNotFound(err) {
			return nil // the node was deleted
		}
		return err
	}
	c.tell(u, a)
	return nil
}

// change returns the merge patch of an action.
func change(a plan.Action, version string) map[string]any {
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	patch := map[string]any{"metadata": map[string]any{
		"resourceVersion": version,
		"annotations":     map[string]any{api.ProgressKey: orNull(a.Progress.Encode()), api.RequestKey: orNull(a.Request)},
	}}
	if a.Cordon != nil {
		patch["spec"] = map[string]any{"unschedulable": *a.Cordon}
	}
	return patch
}

// tell records an event for the node and one for the Upgrade.
func (c *Controller) tell(u *api.Upgrade, a plan.Action) {
	kind := corev1.EventTypeNormal
	if a.Kind == plan.Fail {
		kind = corev1.EventTypeWarning
	}
	c.log("%s: node %s: %s", u.Name, a.Node, a.Text)
	// A node's events have its name as UID: kubectl describe looks for these.
	node := &corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: a.Node, UID: types.UID(a.Node)}
	c.events.Eventf(node, kind, string(a.Kind), "Upgrade %s: %s", u.Name, a.Text)
	c.events.Eventf(reference(u), kind, string(a.Kind), "node %s: %s", a.Node, a.Text)
}

func reference(u *api.Upgrade) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: api.Resource.GroupVersion().String(), Kind: api.Kind, Name: u.Name, UID: u.UID}
}

// save writes a status that has changed, and records an event when the phase has.
func (c *Controller) save(ctx context.Context, u *api.Upgrade, s api.Status) error {
	if reflect.DeepEqual(normal(u.Status), normal(s)) {
		return nil
	}
	now := *u
	now.Status = s
	item, err := encode(&now)
	if err != nil {
		return err
	}
	saved, err := c.upgrades.UpdateStatus(ctx, item, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	if u.Status.Phase != s.Phase {
		kind := corev1.EventTypeNormal
		if s.Phase == api.Failed || s.Phase == api.Invalid {
			kind = corev1.EventTypeWarning
		}
		c.events.Event(reference(u), kind, string(s.Phase), s.Message)
	}
	u.Status, u.ResourceVersion = s, saved.GetResourceVersion()
	return nil
}

// normal returns a status as it is stored, so that times compare equal.
func normal(s api.Status) (out map[string]any) {
	text, _ := json.Marshal(s) // plain data: cannot fail
	_ = json.Unmarshal(text, &out)
	return out
}

func encode(u *api.Upgrade) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	item := &unstructured.Unstructured{}
	return item, item.UnmarshalJSON(text)
}

// finalizers replaces an Upgrade's finalizers.
func (c *Controller) finalizers(ctx context.Context, u *api.Upgrade, all []string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": u.ResourceVersion, "finalizers": all}})
	if err != nil {
		return err
	}
	_, err = c.upgrades.Patch(ctx, u.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
