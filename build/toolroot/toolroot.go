// Package toolroot makes a directory of unpacked Debian packages usable on a host with an older C library: it replaces
// each program with a wrapper script that starts the program with the directory's own dynamic loader. No root, chroot
// or namespaces are needed. Maintainer scripts are not run, so it cannot run services.
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

// Unpack unpacks packages into dir. It first makes the links of the merged /usr, because packages contain both usr/lib
// and lib64.
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

// List returns the files and links of a package, relative to the root.
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
	// tar stops before the padding; the pipe must stay open for dpkg-deb.
	_, err = io.Copy(io.Discard, pipe)
	return out, errors.Join(err, cmd.Wait())
}

// Path joins a path below the root.
func (r Root) Path(elem ...string) string { return filepath.Join(append([]string{r.Dir}, elem...)...) }

// Tool returns the path of a program.
func (r Root) Tool(name string) string {
	for _, dir := range []string{"usr/bin", "usr/sbin"} {
		if p := r.Path(dir, name); exists(p) {
			return p
		}
	}
	return r.Path("usr/bin", name)
}

// GCC returns the C compiler for a GNU triplet with its arguments. -B selects its own assembler and linker: without it
// gcc would find those of the host's architecture.
func (r Root) GCC(triplet string) []string {
	bin := r.Path("usr", triplet, "bin")
	if !exists(bin) {
		bin = r.Path("usr/bin")
	}
	return []string{r.Path("usr/bin", triplet+"-gcc-14"), "--sysroot=" + r.Dir, "-B" + bin + "/"}
}

// CC returns GCC in the form of the environment variable CC.
func (r Root) CC(triplet string) string {
	return `"` + strings.Join(r.GCC(triplet), `" "`) + `"`
}

// Bin returns the directories to prepend to PATH.
func (r Root) Bin() string {
	return r.Path("usr/bin") + string(filepath.ListSeparator) + r.Path("usr/sbin")
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
