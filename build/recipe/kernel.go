package recipe

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
)

// Kernel unpacks a kernel package into vmlinuz, version, dtb/ and modules/: all modules as Debian compressed
// them, indexed by depmod.
func (k *Kit) Kernel(set pin.Set) (graph.Step, error) {
	s, err := k.Debs(set)
	if err != nil {
		return s, err
	}
	inputs, err := k.code("build/recipe/kernel.go")
	run := func(ctx context.Context, j *graph.Job) error {
		list, err := k.Lock.Set(set.ID())
		if err != nil {
			return err
		}
		if err := k.unpack(ctx, j, set.Arch, list); err != nil {
			return err
		}
		return arrangeKernel(ctx, j)
	}
	s.Run = run
	return step(s, inputs, err)
}

func arrangeKernel(ctx context.Context, j *graph.Job) error {
	version, err := kernelVersion(j.Path("usr/lib/modules"))
	if err != nil {
		return err
	}
	depmod := command.Command{Argv: []string{tools(j).Tool("depmod"), "-b", j.Out, "-F", j.Path("boot/System.map-" + version), version}}
	if _, err := depmod.Run(ctx); err != nil {
		return err
	}
	if err := arrangeDeviceTrees(j, version); err != nil {
		return err
	}
	if err := compressKernel(j.Path("boot/vmlinuz-"+version), j.Path("vmlinuz.gz")); err != nil {
		return err
	}
	return errors.Join(
		os.Rename(j.Path("boot/vmlinuz-"+version), j.Path("vmlinuz")),
		os.Rename(j.Path("usr/lib/modules", version), j.Path("modules")),
		os.WriteFile(j.Path("version"), []byte(version), 0o644),
		removeAll(j.Out, "boot", "usr", "bin", "sbin", "lib", "lib64"),
	)
}

// arrangeDeviceTrees: kernels for boards that find their devices by themselves come without any.
func arrangeDeviceTrees(j *graph.Job, version string) error {
	err := os.Rename(j.Path("usr/lib/linux-image-"+version), j.Path("dtb"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// compressKernel is for U-Boot, which reads cards slowly and unpacks gzip. Nothing is written for a kernel that unpacks itself.
func compressKernel(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil || len(b) < 64 || string(b[56:60]) != "ARM\x64" { // magic of an arm64 Image: Documentation/arch/arm64/booting.rst
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close() // closed again below, with its error
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(b); err != nil {
		return err
	}
	return errors.Join(z.Close(), f.Close())
}

// kernelVersion is the one directory below lib/modules.
func kernelVersion(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", fmt.Errorf("%s: %d kernels, want one", dir, len(list))
	}
	return list[0].Name(), nil
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
