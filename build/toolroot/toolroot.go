// Package toolroot makes a directory of Debian packages usable on a host with an older C library: it
// unpacks them and puts a small script in the place of every program, which starts the program through
// the directory's own dynamic loader. It needs no root, no chroot and no namespaces; it runs no
// maintainer scripts, so it is no place for services.
package toolroot

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
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
	cmd := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("unpack %s: %w\n%s", filepath.Base(deb), err, stderr.String())
	}
	return nil
}

// List names the files and links in a package, relative to the root.
func List(ctx context.Context, deb string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
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

const (
	libs   = "usr/lib/x86_64-linux-gnu"
	loader = libs + "/ld-linux-x86-64.so.2"
	hidden = ".real" // where the programs behind the scripts lie
)

// Wrap replaces the dynamically linked programs below dir by scripts. final is where dir will lie when
// they are run.
func Wrap(dir, final string) error {
	for _, top := range []string{"usr/bin", "usr/sbin", "usr/libexec", "usr/lib"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() || !isProgram(p) {
				return err
			}
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			return wrap(dir, final, rel)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func wrap(dir, final, rel string) error {
	real := filepath.Join(dir, hidden, rel)
	if err := os.MkdirAll(filepath.Dir(real), 0o755); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, rel), real); err != nil {
		return err
	}
	// argv[0] stays the path it was called by: gcc finds its parts by it, kmod what it is to be.
	env, args := parts(final, rel)
	script := fmt.Sprintf("#!/bin/sh\n%sexec %s --library-path %s --argv0 \"$0\" %s %s\"$@\"\n",
		env, quote(final, loader), quote(final, libs), quote(final, hidden, rel), args)
	return os.WriteFile(filepath.Join(dir, rel), []byte(script), 0o755)
}

// parts is what a program needs to find its own parts. QEMU looks for its modules beside the file that is running, which
// is the loader here, and then among the host's; for its firmware among the host's only.
func parts(final, rel string) (env, args string) {
	if !strings.HasPrefix(filepath.Base(rel), "qemu-system") {
		return "", ""
	}
	for _, dir := range []string{"usr/share/qemu", "usr/share/seabios"} {
		args += "-L " + quote(final, dir) + " "
	}
	return "export QEMU_MODULE_DIR=" + quote(final, libs, "qemu") + "\n", args
}

// quote joins a path for the shell.
func quote(elem ...string) string {
	return "'" + strings.ReplaceAll(filepath.Join(elem...), "'", `'\''`) + "'"
}

// isProgram says whether a file is an executable that wants a dynamic loader. Libraries may ask for one
// too (libc does); they have ".so" in their names.
func isProgram(file string) bool {
	st, err := os.Stat(file)
	if err != nil || st.Mode()&0o111 == 0 || strings.Contains(filepath.Base(file), ".so") {
		return false
	}
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close() // read side: nothing to lose
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
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
