// Package plan decides what the controller of Upgrades does next: a pure function from an Upgrade, the nodes of the
// cluster and the time to a list of actions and the Upgrade's status. Each action is one change of one Node object, and
// everything that was decided is in these objects; so a controller may be restarted between any two actions. It takes no
// node that is not Ready, and none while another Upgrade has its turn.
package plan

import (
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// Node is what is known about a node.
type Node struct {
	Name     string
	Labels   map[string]string
	Ready    bool
	Cordoned bool   // unschedulable, by whomever
	Version  string // of proa; empty: unknown
	Request  string // annotation
	State    nodeupgrade.State
	Progress api.Progress
	Blocked  string // why its last pods have not left yet; only for messages
}

// Input has everything that the decision depends on.
type Input struct {
	Upgrade *api.Upgrade
	After   string // name of the Upgrade whose turn it is; empty: this one's
	Nodes   []Node // all of the cluster, in any order
	Now     time.Time
}

// Kind is what an action does, also the reason in its event.
type Kind string

// The kinds.
const (
	Begin    Kind = "NodeTaken"        // cordon it, unless the cluster has no other
	Drain    Kind = "NodeDrained"      // its pods have left, or need not
	Request  Kind = "UpgradeRequested" // ask the node to upgrade
	Finish   Kind = "NodeUpgraded"     // note the result and uncordon it
	Fail     Kind = "NodeFailed"       // the same, with another result than success
	Uncordon Kind = "NodeUncordoned"   // one that was not Ready when it failed
	Release  Kind = "NodeReleased"     // forget it: withdraw the request and uncordon it
)

// Action is a change of a Node object, made in one request.
type Action struct {
	Kind     Kind
	Node     string
	Progress api.Progress // afterwards; zero: none
	Request  string       // annotation afterwards; empty: none
	Cordon   *bool        // afterwards; nil: as it is
	Evict    bool         // first evict its pods; the change is made once none is left
	Text     string       // for people
}

// Outcome is the decision.
type Outcome struct {
	Actions  []Action
	Status   api.Status
	Active   bool // there will be more to do
	Released bool // the Upgrade is being deleted and no node is concerned any more
}

// Next decides.
func Next(in Input) Outcome {
	r := read(in)
	if in.Upgrade.DeletionTimestamp != nil {
		r.releaseAll()
		return Outcome{Actions: r.actions, Status: in.Upgrade.Status, Active: true, Released: len(r.actions) == 0}
	}
	r.judge()
	r.advance()
	if r.mayBegin() {
		r.beginInWindow()
	}
	return Outcome{Actions: r.actions, Status: r.status(), Active: r.active()}
}
