// Package kernel extracts a kernel from Debian's unpacked packages, in either layout, and compiles proa's own modules
// against its headers. It refuses packages of two kernels, and a module that was built for another kernel release.
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

// Arrange makes vmlinuz, version, dtb/ and modules/ from the packages unpacked in dir, and vmlinuz.gz for a kernel
// without its own decompressor, and adds proa's modules. Other files stay.
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

// releaseIn returns the name of the only directory below lib/modules.
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

// part is a file or directory of the kernel and its possible places in packages: the first one that exists is used.
type part struct {
	name     string
	optional bool
	from     []string
}

// parts lists them. Up to 6.12 there is one package; later kernels have everything beside the modules. A kernel for
// boards that enumerate their devices has no device trees.
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
		if errors.Is(err, fs.ErrNotExist) || err == nil && st.Mode()&fs.ModeSymlink != 0 { // the old name may be a link to the new one
			continue
		}
		return errors.Join(err, os.Rename(filepath.Join(dir, from), filepath.Join(dir, p.name)))
	}
	if p.optional {
		return nil
	}
	return fmt.Errorf("no %s in the kernel's packages: looked at %q", p.name, p.from)
}

// compress compresses a kernel for U-Boot and Raspberry Pi's firmware, which read cards slowly and decompress gzip. It
// writes nothing for a kernel with its own decompressor.
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
