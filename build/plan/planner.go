package plan

import (
	"errors"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/recipe"
)

// planner adds steps to a graph and keeps the errors of making them, so that the plan reads without ifs.
type planner struct {
	*recipe.Kit
	graph *graph.Graph
	board boards.Board
	err   error
}

// step names a step and what it needs; the result takes what a recipe returns.
func (p *planner) step(name string, needs ...*graph.Action) func(graph.Step, error) *graph.Action {
	return func(s graph.Step, err error) *graph.Action {
		p.fail(err)
		return p.graph.Add(name, s, needs...)
	}
}

func (p *planner) fail(err error) { p.err = errors.Join(p.err, err) }

// compile plans a Go program, once per package. Only one that links C needs a compiler beside Go's.
func (p *planner) compile(g recipe.Go, tools *graph.Action) *graph.Action {
	name := "go-" + g.Name()
	if a := p.graph.Find(name); a != nil {
		return a
	}
	if g.C {
		return p.step(name, tools)(p.GoBinary(g))
	}
	return p.step(name)(p.GoBinary(g))
}
