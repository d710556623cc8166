package recipe

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
)

// Module is a kernel module of ours, for what Debian's kernel cannot do.
type Module struct {
	Name   string
	Source string // directory of the repository, with a Kbuild file
}

// Modules are those that a board needs.
func Modules(b boards.Board) []Module {
	if b.Tryboots() {
		return []Module{{"proa_tryboot", "init/kernel"}}
	}
	return nil
}

// moduleDir is where depmod finds them, beside the kernel's own.
const moduleDir = "extra"

// early adds our modules to those of the initramfs.
func early(b boards.Board) []string {
	list := b.Kernel.Early
	for _, m := range Modules(b) {
		list = append(list[:len(list):len(list)], m.Name)
	}
	return list
}

// globs adds our modules to those of the root image.
func globs(b boards.Board) []string {
	list := b.Kernel.Modules
	if len(Modules(b)) > 0 {
		list = append(list[:len(list):len(list)], moduleDir)
	}
	return list
}

// Kbuild is the kernel's headers with the programs of its build made runnable on the host.
func (k *Kit) Kbuild(kernel pin.Set) (graph.Step, error) {
	var s graph.Step
	sets := []pin.Set{pin.Headers(kernel), pin.Kbuild(k.Host, kernel)}
	inputs, err := k.code("build/recipe/module.go", "build/recipe/debs.go", "build/toolroot")
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
	inputs, err := k.code("build/recipe/module.go", "build/command", "build/toolroot")
	sources := map[string]bool{}
	err = errors.Join(err, k.addTree(filepath.Join(k.Repo, m.Source), sources))
	for _, f := range sorted(sources) {
		sum, failed := fileSum(filepath.Join(k.Repo, f))
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
		return makeModule(ctx, j, m, DebianArch(arch), compiler, kbuild, dir)
	}
	return step(graph.Step{Run: run}, inputs, err)
}

// makeModule runs the kernel's own build. Debug information would hold paths, and with them the build ID; BTF wants a program more
// and the kernel's whole image.
func makeModule(ctx context.Context, j *graph.Job, m Module, arch, compiler, kbuild, dir string) error {
	common, headers, err := headerDirs(j.In(kbuild))
	if err != nil {
		return err
	}
	c := toolroot.Root{Dir: j.In(compiler)}
	gcc := c.GCC(pin.Triplet(arch))
	argv := []string{"make", "-s", "-C", common, "O=" + headers, "M=" + dir, "CC=" + gcc[0] + " " + gcc[2],
		"HOSTCC=/bin/false", "CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"}
	env := []string{"PATH=" + c.Bin() + string(filepath.ListSeparator) + os.Getenv("PATH")}
	if _, err := (command.Command{Dir: dir, Env: env, Argv: argv}).Run(ctx); err != nil {
		return err
	}
	strip := []string{c.Tool(pin.Triplet(arch) + "-objcopy"), "--strip-debug", filepath.Join(dir, m.Name+".ko"), j.Path(m.Name + ".ko")}
	_, err = command.Command{Argv: strip}.Run(ctx)
	return err
}

// headerDirs finds the headers of all architectures and those of one, which holds the configuration.
func headerDirs(kbuild string) (common, own string, err error) {
	list, err := filepath.Glob(filepath.Join(kbuild, "usr/src/linux-headers-*"))
	for _, dir := range list {
		if _, none := os.Stat(filepath.Join(dir, ".config")); errors.Is(none, fs.ErrNotExist) {
			common = dir
		} else {
			own = dir
		}
	}
	if err == nil && (len(list) != 2 || common == "" || own == "") {
		err = fmt.Errorf("usr/src: headers %q, want those of one kernel", list)
	}
	return common, own, err
}

// madeFor refuses a module that the kernel would: its vermagic begins with another release.
func madeFor(file, release string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // read side: nothing to lose
	info := f.Section(".modinfo")
	if info == nil {
		return fmt.Errorf("%s: no module", filepath.Base(file))
	}
	text, err := info.Data()
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte("\x00vermagic="+release+" ")) {
		return fmt.Errorf("%s: not made for kernel %s", filepath.Base(file), release)
	}
	return nil
}

// addModules puts our modules beside those of the kernel in dir, whose release they must be made for.
func addModules(j *graph.Job, dir string, steps []string) error {
	for _, s := range steps {
		files, err := filepath.Glob(filepath.Join(j.In(s), "*.ko"))
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := madeFor(f, path.Base(dir)); err != nil {
				return err
			}
			if err := copyFile(f, filepath.Join(dir, moduleDir, filepath.Base(f)), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
