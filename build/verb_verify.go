package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/progress"
)

const verifyHelp = `
It first builds what is missing, then makes every step a second time from the same inputs, in another
directory and under another umask, and compares the outputs byte for byte. The tool root is left out: it
holds its own path, and nothing of it is in an image.

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
	defer graph.Remove(dir) // scratch
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
		list, err := compareTrees(s.cache.Out(a), out)
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

// compareTrees lists the files that are not the same in both directories. Permissions do not count: they
// are not what images are made of.
func compareTrees(a, b string) ([]string, error) {
	left, err := digests(a)
	if err != nil {
		return nil, err
	}
	right, err := digests(b)
	if err != nil {
		return nil, err
	}
	var out []string
	for name, sum := range left {
		switch other, ok := right[name]; {
		case !ok:
			out = append(out, name+" is missing the second time")
		case sum != other:
			out = append(out, name+" differs")
		}
	}
	for name := range right {
		if _, ok := left[name]; !ok {
			out = append(out, name+" is new the second time")
		}
	}
	slices.Sort(out)
	return out, nil
}

func digests(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			out[rel] = target
			return err
		}
		out[rel], err = files.SHA256(file)
		return err
	})
	return out, err
}
