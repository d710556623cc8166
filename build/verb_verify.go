package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/proa-os/proa/build/compare"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/progress"
)

const verifyHelp = `
It first builds what is missing, then makes every step a second time from the same inputs, in another
directory and with another umask, and compares the outputs byte for byte. The tool root is skipped: it
contains its own path, and no image contains any of it.

  proa verify pc iso`

func verifyVerb(ctx context.Context, c *call) error {
	s, b, k, err := c.one(ctx)
	if err != nil {
		return err
	}
	p, err := s.plan(b, k)
	if err != nil {
		return err
	}
	if err := s.make(ctx, p.Scope(), p.Graph, p.Graph.Actions...); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "proa-verify-")
	if err != nil {
		return err
	}
	defer graph.Remove(dir) // temporary directory
	defer syscall.Umask(syscall.Umask(0o077))
	made, differ, err := s.again(ctx, p, dir)
	if err != nil {
		return err
	}
	for _, d := range differ {
		fmt.Fprintln(c.out, d)
	}
	if len(differ) > 0 {
		return fmt.Errorf("%d files differ", len(differ))
	}
	fmt.Fprintf(c.out, "%s is reproducible: %d steps made twice, all bytes equal\n", p.File(), made)
	return nil
}

func (s *session) again(ctx context.Context, p *plan.Plan, dir string) (made int, differ []string, err error) {
	show := progress.New(os.Stderr)
	defer show.Close()
	r := s.runner(p.Scope(), show)
	for _, a := range p.Graph.Actions {
		if a.Step.Local {
			continue
		}
		out := filepath.Join(dir, a.Name, "out")
		if err := r.Again(ctx, a, out); err != nil {
			return made, nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		list, err := compare.Trees(s.cache.Out(a), out)
		if err != nil {
			return made, nil, err
		}
		made++
		for _, d := range list {
			differ = append(differ, a.Name+": "+d)
		}
		if err := graph.Remove(filepath.Dir(out)); err != nil {
			return made, nil, err
		}
	}
	return made, differ, nil
}
