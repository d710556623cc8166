// Package graph plans and runs steps. A step is a named value with inputs and dependencies; its cache key is the hash
// of both, and its output is a directory stored under that key. The package knows nothing about images, runs no other
// program, and uses the clock only to measure how long a step took. Dependency cycles are impossible: a dependency must
// be added before it can be named.
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

// Step is what a recipe returns: all inputs, and the function that makes the output.
type Step struct {
	Inputs []Input
	// Local marks an output that contains its own path (the tool root). It cannot be moved, and Verify skips it.
	Local bool
	Run   func(ctx context.Context, j *Job) error
}

// Action is a step with its name and its dependencies in the graph.
type Action struct {
	Name string
	Step Step
	Deps []*Action
	key  string
}

// Key is the cache key: actions with the same key have the same output.
func (a *Action) Key() string { return a.key }

// Graph is the list of actions in the order they were added, which is a topological order.
type Graph struct {
	Actions []*Action
	byName  map[string]*Action
}

// Add appends a step. A second step of the same name is a bug and panics.
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

// key hashes name, inputs and the keys of the dependencies. The first line is the version of the record format: a
// change of it invalidates every cache.
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
