package lifecycle

import (
	"context"
	"slices"
	"time"
)

// Role is what a machine is in its cluster. A machine may be both at once: Server | Agent.
type Role uint8

const (
	Server Role = 1 << iota // has the control plane and the datastore
	Agent                   // is a node that runs pods
)

// Is says whether the role includes one of the others.
func (r Role) Is(others Role) bool { return r&others != 0 }

// Component is one component of the process.
type Component struct {
	Name string
	// Roles are the roles that have the component.
	Roles Role
	// After names the components that must be ready before this one starts, of those that the machine has: an agent
	// does not wait for another machine's API server, and its components retry until that answers.
	After []string
	// Run runs until the context ends. If it returns earlier, with or without an error, the whole process ends.
	Run func(context.Context) error
	// Ready returns nil once others may depend on the component. nil: ready as soon as it runs.
	Ready func(context.Context) error
	// Deadline is the time limit for becoming ready; after it the process ends.
	Deadline time.Duration
	// Stop is how long Run may take to return, if longer than stopWait.
	Stop time.Duration
}

// Of returns the components of a role from the table of all, in the same order.
func Of(role Role, table []Component) []Component {
	return slices.DeleteFunc(slices.Clone(table), func(c Component) bool { return !role.Is(c.Roles) })
}
