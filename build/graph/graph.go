// Package graph plans and runs steps: a named step is a value with inputs and dependencies, its key is
// the hash of both, and its output is a directory in a cache under that key. It knows nothing about
// images, runs no foreign tool and reads no clock but to say how long a step took. It refuses steps
// that depend on each other in a circle by construction: a dependency must exist before it is named.
package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
)

// Input is one thing a step reads: a file with its digest, a version, a flag.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Step is what a recipe returns: everything it reads, and how to do it.
type Step struct {
	Inputs []Input
	// Local marks an output that holds its own path (the tool root). It is not looked up from another
	// place, and Verify leaves it out.
	Local bool
	Run   func(ctx context.Context, j *Job) error
}

// Action is a step with a name and a place in the graph.
type Action struct {
	Name string
	Step Step
	Deps []*Action
	key  string
}

// Key identifies the output: two actions with one key are the same work.
func (a *Action) Key() string { return a.key }

// Graph is the list of actions in the order they were added, which is an order they can run in.
type Graph struct {
	Actions []*Action
	byName  map[string]*Action
}

// Add appends a step. A name may stand once; the same name again is a programming error.
func (g *Graph) Add(name string, s Step, deps ...*Action) *Action {
	if g.byName == nil {
		g.byName = map[string]*Action{}
	}
	if g.byName[name] != nil {
		panic("BUG: graph: two steps named " + name)
	}
	sort.Slice(s.Inputs, func(i, j int) bool { return s.Inputs[i].Name < s.Inputs[j].Name })
	a := &Action{Name: name, Step: s, Deps: deps}
	a.key = key(a)
	g.byName[name] = a
	g.Actions = append(g.Actions, a)
	return a
}

// Find returns the action of that name, or nil.
func (g *Graph) Find(name string) *Action { return g.byName[name] }

// Names lists the steps in plan order.
func (g *Graph) Names() []string {
	var out []string
	for _, a := range g.Actions {
		out = append(out, a.Name)
	}
	return out
}

// key hashes name, inputs and the keys of the dependencies. The leading line is the version of the
// record format: a change there forgets every cache.
func key(a *Action) string {
	h := sha256.New()
	fmt.Fprintf(h, "proa step 1\n%q\n", a.Name)
	for _, in := range a.Step.Inputs {
		fmt.Fprintf(h, "in %q %q\n", in.Name, in.Value)
	}
	for _, d := range a.Deps {
		fmt.Fprintf(h, "dep %q %s\n", d.Name, d.key)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}
