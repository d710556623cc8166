// Package kernel makes one kernel of Debian's unpacked packages, whichever form they have, and compiles modules of ours against its
// headers. It refuses packages of two kernels, and a module that was made for another kernel than the one it is put beside.
package kernel

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/files"
)

// Arrange makes vmlinuz, version, dtb/ and modules/ of the packages unpacked in dir, for a kernel that cannot unpack itself vmlinuz.gz
// as well, and puts our modules beside the kernel's. What it does not take stays.
func Arrange(ctx context.Context, dir, depmod string, modules []string) error {
	release, err := releaseIn(filepath.Join(dir, "usr/lib/modules"))
	if err != nil {
		return err
	}
	own := filepath.Join(dir, "usr/lib/modules", release)
	for _, m := range modules {
		if err := add(m, own, release); err != nil {
			return err
		}
	}
	for _, p := range parts(release) {
		if err := p.take(dir); err != nil {
			return err
		}
	}
	argv := []string{depmod, "-C", "/dev/null", "-b", dir, "-F", filepath.Join(dir, symbols), release}
	if _, err := (command.Command{Argv: argv}).Run(ctx); err != nil {
		return err
	}
	return errors.Join(
		compress(filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "vmlinuz.gz")),
		os.Rename(own, filepath.Join(dir, "modules")),
		os.WriteFile(filepath.Join(dir, "version"), []byte(release), 0o644),
		os.Remove(filepath.Join(dir, symbols)),
	)
}

const symbols = "System.map"

// releaseIn is the one directory below lib/modules.
func releaseIn(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", fmt.Errorf("%s: %d kernels, want one", dir, len(list))
	}
	return list[0].Name(), nil
}

// part is a file or directory of the kernel and where packages have it: the first that is there counts.
type part struct {
	name     string
	optional bool
	from     []string
}

// parts: up to 6.12 there is one package, and later kernels have everything with the modules. A kernel for boards that find their
// devices by themselves comes without device trees.
func parts(release string) []part {
	modules := "usr/lib/modules/" + release
	return []part{
		{"vmlinuz", false, []string{"boot/vmlinuz-" + release, modules + "/vmlinuz"}},
		{symbols, false, []string{"boot/System.map-" + release, modules + "/System.map"}},
		{"dtb", true, []string{"usr/lib/linux-image-" + release, modules + "/dtb"}},
	}
}

func (p part) take(dir string) error {
	for _, from := range p.from {
		st, err := os.Lstat(filepath.Join(dir, from))
		if errors.Is(err, fs.ErrNotExist) || err == nil && st.Mode()&fs.ModeSymlink != 0 { // the old name may lead to the new one
			continue
		}
		return errors.Join(err, os.Rename(filepath.Join(dir, from), filepath.Join(dir, p.name)))
	}
	if p.optional {
		return nil
	}
	return fmt.Errorf("no %s in the kernel's packages: looked at %q", p.name, p.from)
}

// compress is for U-Boot and Raspberry Pi's firmware, which read cards slowly and unpack gzip. Nothing is written for a kernel that
// unpacks itself.
func compress(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil || len(b) < 64 || string(b[56:60]) != "ARM\x64" { // magic of an arm64 Image: Documentation/arch/arm64/booting.rst
		return err
	}
	return files.Create(to, func(f *os.File) error {
		z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
		if err != nil {
			return err
		}
		_, err = z.Write(b)
		return errors.Join(err, z.Close())
	})
}
