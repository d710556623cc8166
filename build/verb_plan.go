package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images"
)

const planHelp = `
It runs nothing. A step in the cache is marked with =, one that would run with >.

  proa plan pc iso
  proa plan pc disk --inputs     with every file, package and flag a step reads`

func planFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.allInputs, "inputs", false, "print every input with its value")
	imageFlags(f, o)
}

// imageFlags are the flags that change the image.
func imageFlags(f *flag.FlagSet, o *options) {
	f.StringVar(&o.compression, "compression", recipe.DefaultCompression, "of the root image: `none|lz4|zstd`")
	o.trust.SignFlags(f)
	lockedFlag(f, o)
}

func planVerb(ctx context.Context, c *call) error {
	s, b, k, err := c.one(ctx)
	if err != nil {
		return err
	}
	p, err := s.plan(b, k)
	if err != nil {
		return err
	}
	missing := s.runner(p.Scope(), nil).Missing(p.Graph, p.Image, p.SBOM)
	for _, a := range p.Graph.Actions {
		mark := "="
		if slices.Contains(missing, a) {
			mark = ">"
		}
		fmt.Fprintf(c.out, "%s %-28s %s  %s\n", mark, a.Name, a.Key()[:12], plan.Summary(a))
		if c.opts.allInputs {
			for _, in := range a.Step.Inputs {
				fmt.Fprintf(c.out, "      %s = %s\n", in.Name, in.Value)
			}
		}
	}
	return nil
}

// one opens a session for one board and one kind; the kind is optional.
func (c *call) one(ctx context.Context) (*session, boards.Board, images.Kind, error) {
	b, err := c.board()
	if err != nil {
		return nil, b, images.Kind{}, err
	}
	kinds, err := (&call{args: c.args[:min(2, len(c.args))]}).kinds(b, false)
	if err != nil {
		return nil, b, images.Kind{}, err
	}
	s, err := open(ctx, c.opts)
	return s, b, kinds[0], err
}

const whyHelp = `
It compares the plan with what was built last for this board and kind, and names the inputs that differ.
If nothing would run, it says why each step ran when it did.

  proa why pc iso
  proa why pc disk root`

func whyVerb(ctx context.Context, c *call) error {
	s, b, k, err := c.one(ctx)
	if err != nil {
		return err
	}
	p, err := s.plan(b, k)
	if err != nil {
		return err
	}
	steps, err := chosen(p.Graph, c.args)
	if err != nil {
		return err
	}
	missing := s.runner(p.Scope(), nil).Missing(p.Graph, p.Image, p.SBOM)
	for _, a := range steps {
		last := s.cache.Last(p.Scope(), a.Name)
		switch {
		case slices.Contains(missing, a):
			reasons := graph.Explain(last, a)
			if reasons == nil {
				reasons = []string{"its output is no longer in the cache"}
			}
			fmt.Fprintf(c.out, "%s would run:\n%s", a.Name, indent(reasons))
		case last != nil && (len(missing) == 0 || len(steps) == 1):
			fmt.Fprintf(c.out, "%s ran at %s:\n%s", a.Name, last.When.Format("2006-01-02 15:04:05"), indent(last.Why))
		}
	}
	if len(missing) == 0 {
		fmt.Fprintln(c.out, "nothing would run now")
	}
	return nil
}

// chosen returns the step named by the third argument, or all.
func chosen(g *graph.Graph, args []string) ([]*graph.Action, error) {
	if len(args) < 3 {
		return g.Actions, nil
	}
	a := g.Find(args[2])
	if a == nil {
		return nil, usage("no step %q%s", args[2], didYouMean(args[2], g.Names()))
	}
	return []*graph.Action{a}, nil
}

func indent(lines []string) string {
	return "  " + strings.Join(lines, "\n  ") + "\n"
}
