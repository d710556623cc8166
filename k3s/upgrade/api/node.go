package api

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// Annotations of a Node.
const (
	RequestKey  = "proa.io/upgrade-request"  // nodeupgrade.Request, written by the controller
	StateKey    = "proa.io/upgrade-state"    // nodeupgrade.State, written by the runtime on the node
	ProgressKey = "proa.io/upgrade-progress" // Progress, written by the controller for itself
	VersionKey  = "proa.io/version"          // of proa on the node, written by the runtime on the node
)

// Step is what a node was last told or has gone through.
type Step string

// The steps in order.
const (
	Draining  Step = "draining"  // its pods are leaving
	Drained   Step = "drained"   // none of them is left, or none has to leave
	Requested Step = "requested" // it was asked to upgrade
	Finished  Step = "finished"  // it has a result
)

// Progress is everything that the controller remembers about a node. It is in the Node object and nowhere else, so that a
// controller that was restarted goes on where the last one was.
type Progress struct {
	ID       string             `json:"id"` // of the attempt
	Upgrade  string             `json:"upgrade"`
	Step     Step               `json:"step"`
	Since    metav1.Time        `json:"since"`              // when the step began
	Cordoned bool               `json:"cordoned,omitempty"` // by the controller, which has to undo it
	Result   nodeupgrade.Result `json:"result,omitempty"`
	Version  string             `json:"version,omitempty"`
	Message  string             `json:"message,omitempty"`
}

// Encode returns the annotation, empty if there is no progress.
func (p Progress) Encode() string {
	if p.ID == "" {
		return ""
	}
	b, _ := json.Marshal(p) // texts and a time: cannot fail
	return string(b)
}

// ParseProgress reads the annotation. One that cannot be read counts as none: the node is begun anew.
func ParseProgress(text string) (p Progress) {
	if text == "" || json.Unmarshal([]byte(text), &p) != nil {
		return Progress{}
	}
	return p
}
