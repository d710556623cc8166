package onnode

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// teller shows the node's record of upgrades as a condition and events of its Node object.
type teller struct {
	events record.EventRecorder
	is     *corev1.NodeCondition // nil: the node has none
	read   time.Time             // modification time of the record that was told
	rest   time.Time             // until then nothing is told, after an error
}

// recorder records events as this node, until the context ends.
func (a *Agent) recorder(ctx context.Context) (record.EventRecorder, func()) {
	all := record.NewBroadcaster(record.WithContext(ctx))
	all.StartRecordingToSink(&typed.EventSinkImpl{Interface: a.Client.CoreV1().Events("")})
	return all.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "proa", Host: a.Node}), all.Shutdown
}

// conditionOf returns the node's condition, nil if it has none.
func conditionOf(n *corev1.Node) *corev1.NodeCondition {
	for i := range n.Status.Conditions {
		if n.Status.Conditions[i].Type == Condition {
			return &n.Status.Conditions[i]
		}
	}
	return nil
}

// record tells what is new in the record. The condition is written first: what it tells is not recorded again.
func (a *Agent) record(ctx context.Context) error {
	info, err := os.Stat(a.Log)
	if os.IsNotExist(err) || err == nil && info.ModTime().Equal(a.tells.read) {
		return nil
	}
	if err != nil {
		return err
	}
	l, err := nodeupgrade.ReadLog(a.Log)
	if err != nil {
		return err
	}
	want, events := news(l, a.tells.is, time.Now())
	if want != nil {
		patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{*want}}})
		if err != nil {
			return err
		}
		// A strategic merge leaves the other conditions, which are the kubelet's.
		if _, err := a.Client.CoreV1().Nodes().Patch(ctx, a.Node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
			return fmt.Errorf("condition %s: %w", Condition, err)
		}
		a.tells.is = want
	}
	// A node's events have its name as UID: kubectl describe looks for these.
	node := &corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: a.Node, UID: types.UID(a.Node)}
	for _, e := range events {
		kind := corev1.EventTypeNormal
		if e.warning {
			kind = corev1.EventTypeWarning
		}
		a.tells.events.Event(node, kind, e.reason, e.text)
	}
	a.tells.read = info.ModTime()
	return nil
}
