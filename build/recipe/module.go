package recipe

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kernel"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
)

// Module is a kernel module of ours, for what Debian's kernel cannot do.
type Module struct {
	Name   string
	Source string // directory of the repository, with a Kbuild file
}

// Kbuild is the kernel's headers with the programs of its build made runnable on the host.
func (k *Kit) Kbuild(sets []pin.Set) (graph.Step, error) {
	var s graph.Step
	inputs, err := k.code("module.go", "debs.go")
	for _, set := range sets {
		list, missing := k.Lock.Set(set.ID())
		inputs, err = append(inputs, packageInputs(list)...), errors.Join(err, missing)
	}
	s.Local = true
	s.Run = func(ctx context.Context, j *graph.Job) error {
		for _, set := range sets {
			if err := k.unpack(ctx, j, set.Arch, k.Lock.Sets[set.ID()]); err != nil {
				return err
			}
		}
		return toolroot.Wrap(j.Out, j.Final)
	}
	return step(s, inputs, err)
}

// KernelModule compiles NAME.ko with the headers in the step kbuild.
func (k *Kit) KernelModule(m Module, arch, compiler, kbuild string) (graph.Step, error) {
	inputs, err := k.code("module.go")
	inputs = append(inputs, arguments(arch))
	sources := map[string]bool{}
	err = errors.Join(err, k.addTree(filepath.Join(k.Repo, m.Source), sources))
	for _, f := range sorted(sources) {
		sum, failed := k.sum(f)
		inputs, err = append(inputs, graph.Input{Name: f, Value: sum}), errors.Join(err, failed)
	}
	run := func(ctx context.Context, j *graph.Job) error {
		dir, err := j.Tmp()
		if err != nil {
			return err
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(k.Repo, m.Source))); err != nil {
			return err
		}
		return kernel.Module{Name: m.Name, Source: dir, Kbuild: j.In(kbuild), Compiler: toolroot.Root{Dir: j.In(compiler)},
			Triplet: pin.Triplet(pin.DebianArch(arch)), Out: j.Path(m.Name + ".ko")}.Make(ctx)
	}
	return step(graph.Step{Run: run}, inputs, err)
}

// modulesOf lists what steps compiled.
func modulesOf(j *graph.Job, steps []string) (list []string, err error) {
	for _, s := range steps {
		files, failed := filepath.Glob(filepath.Join(j.In(s), "*.ko"))
		list, err = append(list, files...), errors.Join(err, failed)
	}
	return list, err
}
