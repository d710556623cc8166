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

// Kernel unpacks a kernel's packages into vmlinuz, version, dtb/ and modules/: all modules as Debian compressed them, and those of
// ours that the steps named modules compiled, indexed by depmod.
func (k *Kit) Kernel(set pin.Set, modules []string) (graph.Step, error) {
	s, err := k.Debs(set)
	if err != nil {
		return s, err
	}
	inputs, err := k.code("build/recipe/kernel.go", "build/recipe/module.go")
	run := func(ctx context.Context, j *graph.Job) error {
		list, err := k.Lock.Set(set.ID())
		if err != nil {
			return err
		}
		if err := k.unpack(ctx, j, set.Arch, list); err != nil {
			return err
		}
		return arrangeKernel(ctx, j, modules)
	}
	s.Run = run
	return step(s, inputs, err)
}

func arrangeKernel(ctx context.Context, j *graph.Job, modules []string) error {
	version, err := kernelVersion(j.Path("usr/lib/modules"))
	if err != nil {
		return err
	}
	dir := j.Path("usr/lib/modules", version)
	if err := addModules(j, dir, modules); err != nil {
		return err
	}
	for _, part := range kernelParts(version) {
		if err := part.take(j); err != nil {
			return err
		}
	}
	depmod := command.Command{Argv: []string{tools(j).Tool("depmod"), "-b", j.Out, "-F", j.Path("System.map"), version}}
	if _, err := depmod.Run(ctx); err != nil {
		return err
	}
	if err := compressKernel(j.Path("vmlinuz"), j.Path("vmlinuz.gz")); err != nil {
		return err
	}
	return errors.Join(
		os.Rename(dir, j.Path("modules")),
		os.WriteFile(j.Path("version"), []byte(version), 0o644),
		removeAll(j.Out, "System.map", "boot", "usr", "bin", "sbin", "lib", "lib64"),
	)
}

// kernelPart is a file or directory of our output and where packages have it: the first that is there counts.
type kernelPart struct {
	name     string
	optional bool
	from     []string
}

// kernelParts: up to 6.12 there is one package, and later ones have everything with the modules. A kernel for boards that find
// their devices by themselves comes without device trees.
func kernelParts(version string) []kernelPart {
	modules := "usr/lib/modules/" + version
	return []kernelPart{
		{"vmlinuz", false, []string{"boot/vmlinuz-" + version, modules + "/vmlinuz"}},
		{"System.map", false, []string{"boot/System.map-" + version, modules + "/System.map"}},
		{"dtb", true, []string{"usr/lib/linux-image-" + version, modules + "/dtb"}},
	}
}

func (p kernelPart) take(j *graph.Job) error {
	for _, from := range p.from {
		st, err := os.Lstat(j.Path(from))
		if err != nil || st.Mode()&fs.ModeSymlink != 0 { // the old name of a directory may lead to the new one
			continue
		}
		return os.Rename(j.Path(from), j.Path(p.name))
	}
	if p.optional {
		return nil
	}
	return fmt.Errorf("no %s in the kernel's packages: looked at %q", p.name, p.from)
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
