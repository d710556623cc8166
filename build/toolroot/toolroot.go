// Package toolroot makes a directory of Debian packages usable on a host with an older C library: it
// unpacks them and puts a small script in the place of every program, which starts the program through
// the directory's own dynamic loader. It needs no root, no chroot and no namespaces; it runs no
// maintainer scripts, so it is no place for services.
package toolroot

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/build/command"
)

// Root is a tool root.
type Root struct{ Dir string }

// Unpack unpacks packages into dir. The links of the merged /usr come first: packages hold usr/lib and
// lib64 alike.
func Unpack(ctx context.Context, dir string, debs []string, progress func(done, total int64)) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(dir, "usr", name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+name, filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for i, deb := range debs {
		progress(int64(i), int64(len(debs)))
		if err := unpackOne(ctx, dir, deb); err != nil {
			return err
		}
	}
	return nil
}

func unpackOne(ctx context.Context, dir, deb string) error {
	if _, err := (command.Command{Argv: []string{"dpkg-deb", "-x", deb, dir}}).Run(ctx); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
	}
	return nil
}

// List names the files and links in a package, relative to the root.
func List(ctx context.Context, deb string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	cmd.Env = command.Env()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var out []string
	for r := tar.NewReader(pipe); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("list %s: %w", filepath.Base(deb), err), cmd.Wait())
		}
		if h.Typeflag != tar.TypeDir {
			out = append(out, path.Clean(h.Name))
		}
	}
	// tar ends before its padding does; dpkg-deb must not find the pipe closed.
	_, err = io.Copy(io.Discard, pipe)
	return out, errors.Join(err, cmd.Wait())
}

// Path joins a path below the root.
func (r Root) Path(elem ...string) string { return filepath.Join(append([]string{r.Dir}, elem...)...) }

// Tool is the path of a program.
func (r Root) Tool(name string) string {
	for _, dir := range []string{"usr/bin", "usr/sbin"} {
		if p := r.Path(dir, name); exists(p) {
			return p
		}
	}
	return r.Path("usr/bin", name)
}

// GCC is the C compiler for a GNU triplet with its arguments. -B makes it take its own assembler and linker, which lie under
// plain names beside the libraries of a foreign triplet, and beside the compiler for the host's.
func (r Root) GCC(triplet string) []string {
	bin := r.Path("usr", triplet, "bin")
	if !exists(bin) {
		bin = r.Path("usr/bin")
	}
	return []string{r.Path("usr/bin", triplet+"-gcc-14"), "--sysroot=" + r.Dir, "-B" + bin + "/"}
}

// CC is GCC as the go command reads it from its environment.
func (r Root) CC(triplet string) string {
	return `"` + strings.Join(r.GCC(triplet), `" "`) + `"`
}

// Bin is what to put in front of PATH.
func (r Root) Bin() string {
	return r.Path("usr/bin") + string(filepath.ListSeparator) + r.Path("usr/sbin")
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
