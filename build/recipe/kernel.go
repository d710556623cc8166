package recipe

import (
	"context"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kernel"
	"github.com/proa-os/proa/build/pin"
)

// Kernel unpacks a kernel's packages into vmlinuz, version, dtb/ and modules/: all modules as Debian compressed them, and those of
// ours that the steps named modules compiled, indexed by depmod.
func (k *Kit) Kernel(set pin.Set, modules []string) (graph.Step, error) {
	s, err := k.debs(set, "kernel.go", "module.go")
	if err != nil {
		return s, err
	}
	s.Run = func(ctx context.Context, j *graph.Job) error {
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
	return s, nil
}
