// Package api is the resource Upgrade (upgrades.proa.io, overlay/rootfs/usr/share/proa/manifests/upgrades.yaml) and the
// annotations by which its controller and the nodes talk. It is data; k3s/upgrade/plan decides.
package api

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Resource is the resource, Kind its kind.
var Resource = schema.GroupVersionResource{Group: "proa.io", Version: "v1", Resource: "upgrades"}

// Names.
const (
	Kind      = "Upgrade"
	Finalizer = "proa.io/upgrade" // nodes are released before an Upgrade is gone
)

// Upgrade rolls a version of proa out over the nodes of a cluster.
type Upgrade struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              Spec   `json:"spec"`
	Status            Status `json:"status,omitzero"`
}

// Spec is what the user wants. Defaults are in the resource's schema, and again in Default.
type Spec struct {
	Source        string                `json:"source,omitempty"`
	Version       string                `json:"version,omitempty"`
	NodeSelector  *metav1.LabelSelector `json:"nodeSelector,omitempty"` // nil: all nodes
	Concurrency   *intstr.IntOrString   `json:"concurrency,omitempty"`
	Drain         Drain                 `json:"drain,omitzero"`
	Paused        bool                  `json:"paused,omitempty"`
	Waves         []Wave                `json:"waves,omitempty"`
	Window        Window                `json:"window,omitzero"`
	Jitter        metav1.Duration       `json:"jitter,omitzero"`
	StopOnFailure *bool                 `json:"stopOnFailure,omitempty"`
	MaxFailures   int                   `json:"maxFailures,omitempty"`
	Timeout       *metav1.Duration      `json:"timeout,omitempty"`
}

// Drain is how pods leave a node before it upgrades.
type Drain struct {
	Enabled      *bool                  `json:"enabled,omitempty"`
	GracePeriod  *int                   `json:"gracePeriod,omitempty"` // in seconds; nil: each pod's own
	Timeout      *metav1.Duration       `json:"timeout,omitempty"`
	DeleteEmpty  *bool                  `json:"deleteEmptyDir,omitempty"`
	Force        bool                   `json:"force,omitempty"`
	SkipSelector []metav1.LabelSelector `json:"skip,omitempty"`
}

// Window is when nodes are begun, in the form of upgrade.window of a node's configuration. Without Start it is always.
type Window struct {
	Days     []string        `json:"days,omitempty"`
	Start    string          `json:"start,omitempty"`
	Length   metav1.Duration `json:"length,omitzero"`    // 0: 4h
	Timezone string          `json:"timezone,omitempty"` // empty: that of the server that acts
}

// Wave is a part of the nodes, taken before the others.
type Wave struct {
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	Percent  int                   `json:"percent,omitempty"` // of all selected nodes; 0: all that match
	Pause    metav1.Duration       `json:"pause,omitzero"`    // after the wave's last node
}

// Default completes a specification.
func (s Spec) Default() Spec {
	set(&s.Concurrency, intstr.FromInt32(1))
	set(&s.StopOnFailure, true)
	set(&s.Timeout, metav1.Duration{Duration: 2 * time.Hour})
	set(&s.Drain.Enabled, true)
	set(&s.Drain.Timeout, metav1.Duration{Duration: 10 * time.Minute})
	set(&s.Drain.DeleteEmpty, true)
	return s
}

func set[T any](p **T, value T) {
	if *p == nil {
		*p = &value
	}
}

// Phase is the state of a roll-out in one word.
type Phase string

// The phases. Of those in which it has ended, Complete is final; Failed goes on when the specification is changed.
const (
	Waiting     Phase = "Waiting"     // for another Upgrade, or for nodes
	Invalid     Phase = "Invalid"     // the specification cannot be carried out
	Progressing Phase = "Progressing" //
	Paused      Phase = "Paused"      // by the user
	Failed      Phase = "Failed"      // stopped after a failure
	Complete    Phase = "Complete"    //
)

// Status is how far the roll-out is.
type Status struct {
	ID                 string             `json:"id,omitempty"` // of the attempt: changes with source and version
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Phase              Phase              `json:"phase,omitempty"`
	Message            string             `json:"message,omitempty"`
	StartedAt          *metav1.Time       `json:"startedAt,omitempty"`
	Wave               string             `json:"wave,omitempty"` // "2/3"
	Total              int                `json:"total"`          // selected nodes
	Updated            int                `json:"updated"`        // of them
	Upgrading          int                `json:"upgrading"`
	Failed             int                `json:"failed"`
	Pending            int                `json:"pending"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Nodes              []NodeStatus       `json:"nodes,omitempty"` // that failed, then those in progress; at most MaxNodes
}

// MaxNodes limits the list in the status.
const MaxNodes = 50

// NodeStatus is how far a node is.
type NodeStatus struct {
	Name    string `json:"name"`
	Phase   string `json:"phase"`
	Message string `json:"message,omitempty"`
}

// Types of conditions.
const (
	CondProgressing = "Progressing"
	CondComplete    = "Complete"
	CondDegraded    = "Degraded"
	CondWindow      = "WindowOpen" // only with spec.window
)
