package plan

import (
	"errors"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/build/sets"
)

// planner adds steps to a graph and collects errors, so that the plan needs no ifs.
type planner struct {
	*recipe.Kit
	graph *graph.Graph
	board boards.Board
	err   error
}

// step names a step and its dependencies; the returned function takes what a recipe returns.
func (p *planner) step(name string, needs ...*graph.Action) func(graph.Step, error) *graph.Action {
	return func(s graph.Step, err error) *graph.Action {
		p.fail(err)
		return p.graph.Add(name, s, needs...)
	}
}

func (p *planner) fail(err error) { p.err = errors.Join(p.err, err) }

// compile plans the compilation of a Go program, once per package. Only programs that use cgo need a C compiler.
func (p *planner) compile(g recipe.Go, compiler *graph.Action) *graph.Action {
	name := "go-" + g.Name()
	if a := p.graph.Find(name); a != nil {
		return a
	}
	if g.C != "" {
		return p.step(name, compiler)(p.GoBinary(g))
	}
	return p.step(name)(p.GoBinary(g))
}

// compiler plans the C compiler for the board's architecture; the tools have the one for the host's.
func (p *planner) compiler(tools *graph.Action) *graph.Action {
	arch := pin.DebianArch(p.board.Arch)
	if arch == p.Host {
		return tools
	}
	set := debian.Compiler(p.Host, arch)
	if a := p.graph.Find(set.Name); a != nil {
		return a
	}
	return p.step(set.Name)(p.Tools(set))
}

// modules plans proa's own kernel modules; a board without any needs neither kernel headers nor a compiler for them.
func (p *planner) modules(tools *graph.Action) (list []*graph.Action) {
	for _, m := range recipe.Modules(p.board) {
		kbuild := p.graph.Find("kbuild")
		if kbuild == nil {
			kbuild = p.step("kbuild")(p.Kbuild(sets.Modules(p.Host, p.board)))
		}
		compiler := p.compiler(tools)
		list = append(list, p.step("module-"+m.Name, compiler, kbuild)(p.KernelModule(m, p.board.Arch, compiler.Name, kbuild.Name)))
	}
	return list
}
