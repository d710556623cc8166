package kernel

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/toolroot"
)

// ModuleDir is the directory of proa's modules below the kernel's; depmod scans it too.
const ModuleDir = "extra"

// Module is a module to compile.
type Module struct {
	Name     string
	Source   string // copy of the module's directory, with a Kbuild file; it is written to
	Kbuild   string // directory of the unpacked headers and kbuild programs
	Compiler toolroot.Root
	Triplet  string // GNU triplet of the compiler
	Out      string // file to write
}

// Make runs the kernel's own build. Without debug information, which would contain paths and thus change the build ID;
// without BTF, which needs the kernel's whole image.
func (m Module) Make(ctx context.Context) error {
	common, own, err := headers(m.Kbuild)
	if err != nil {
		return err
	}
	gcc := m.Compiler.GCC(m.Triplet)
	path := "PATH=" + m.Compiler.Bin() + string(filepath.ListSeparator) + os.Getenv("PATH")
	for _, argv := range [][]string{
		{"make", "-s", "-C", common, "O=" + own, "M=" + m.Source, "CC=" + gcc[0] + " " + gcc[2], "HOSTCC=/bin/false",
			"CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"},
		{m.Compiler.Tool(m.Triplet + "-objcopy"), "--strip-debug", filepath.Join(m.Source, m.Name+".ko"), m.Out},
	} {
		if _, err := (command.Command{Dir: m.Source, Env: []string{path}, Argv: argv}).Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// headers returns the headers of all architectures and those of one, where the configuration is.
func headers(kbuild string) (common, own string, err error) {
	list, err := filepath.Glob(filepath.Join(kbuild, "usr/src/linux-headers-*"))
	for _, dir := range list {
		if _, none := os.Stat(filepath.Join(dir, ".config")); errors.Is(none, fs.ErrNotExist) {
			common = dir
		} else {
			own = dir
		}
	}
	if err == nil && (len(list) != 2 || common == "" || own == "") {
		err = fmt.Errorf("%s: headers %q, want those of one kernel", kbuild, list)
	}
	return common, own, err
}

// add adds a module to those of the kernel in dir.
func add(module, dir, release string) error {
	if err := madeFor(module, release); err != nil {
		return err
	}
	b, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, ModuleDir), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ModuleDir, filepath.Base(module)), b, 0o644)
}

// madeFor refuses a module that the kernel would refuse: one whose vermagic names another release.
func madeFor(file, release string) error {
	f, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	defer f.Close() // opened for reading: a close error loses nothing
	info := f.Section(".modinfo")
	if info == nil {
		return fmt.Errorf("%s: no module", filepath.Base(file))
	}
	text, err := info.Data()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if !bytes.Contains(append([]byte{0}, text...), []byte("\x00vermagic="+release+" ")) {
		return fmt.Errorf("%s: not made for kernel %s", filepath.Base(file), release)
	}
	return nil
}
