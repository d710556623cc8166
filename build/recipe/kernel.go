package recipe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kernel"
	"github.com/proa-os/proa/build/pin"
)

// Kernel unpacks a kernel's packages into vmlinuz, version, dtb/ and modules/: all modules as Debian compressed them, and those of
// ours that the steps named modules compiled, indexed by depmod.
func (k *Kit) Kernel(set pin.Set, modules []string) (graph.Step, error) {
	s, err := k.Debs(set)
	if err != nil {
		return s, err
	}
	inputs, err := k.code("build/recipe/kernel.go", "build/kernel")
	run := func(ctx context.Context, j *graph.Job) error {
		list, err := k.Lock.Set(set.ID())
		if err != nil {
			return err
		}
		if err := k.unpack(ctx, j, set.Arch, list); err != nil {
			return err
		}
		ours, err := modulesOf(j, modules)
		if err != nil {
			return err
		}
		if err := kernel.Arrange(ctx, j.Out, tools(j).Tool("depmod"), ours); err != nil {
			return err
		}
		return removeAll(j.Out, "boot", "usr", "bin", "sbin", "lib", "lib64")
	}
	s.Run = run
	return step(s, inputs, err)
}

func removeAll(dir string, names ...string) (err error) {
	for _, n := range names {
		err = errors.Join(err, graph.Remove(filepath.Join(dir, n)))
	}
	return err
}

// copyFile copies content and nothing else.
func copyFile(from, to string, perm fs.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, perm)
}
