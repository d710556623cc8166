package releasing

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/build/tufrepo"
)

// bundle writes the metadata and the targets of this run into one file; without slot files, all targets.
func (j *job) bundle() error {
	names, err := j.metadata()
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	for _, t := range j.repo.Targets() {
		if len(j.made) == 0 || slices.ContainsFunc(j.made, func(m Made) bool { return m.Path == t.Path || path.Dir(m.Path) == path.Dir(t.Path) }) {
			names = append(names, path.Join(tufrepo.TargetsDir, t.File()))
		}
	}
	out, err := j.newBundle()
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer discard(out)
	if err := j.tar(out, names); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	if err := errors.Join(out.Chmod(0o644), out.Sync()); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return os.Rename(out.Name(), j.Bundle)
}

// newBundle makes the file that gets the name of the bundle when it is complete.
func (j *job) newBundle() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(j.Bundle), ".bundle-*")
}

// ready refuses places where the bundle could not be written, before the work of minutes that comes first.
func (j *job) ready() error {
	if j.Bundle == "" {
		return nil
	}
	if info, err := os.Stat(j.Bundle); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--bundle %s: it is no regular file", j.Bundle)
	}
	out, err := j.newBundle()
	if err != nil {
		return fmt.Errorf("--bundle %s: %w", j.Bundle, err)
	}
	discard(out)
	return nil
}

// metadata returns the names of the newest metadata, and of every root.
func (j *job) metadata() (names []string, err error) {
	list, err := filepath.Glob(filepath.Join(j.Out, tufrepo.MetadataDir, "*.json"))
	newest := j.repo.Newest()
	for _, f := range list {
		if name := filepath.Base(f); strings.HasSuffix(name, "root.json") || slices.Contains(newest, name) {
			names = append(names, path.Join(tufrepo.MetadataDir, name))
		}
	}
	return names, err
}

func (j *job) tar(out io.Writer, names []string) error {
	w := tar.NewWriter(out)
	for _, name := range names {
		f, err := os.Open(filepath.Join(j.Out, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name, Size: info.Size(), Mode: 0o644, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
		}
		if err == nil {
			_, err = io.Copy(w, &stoppable{j.ctx, f})
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return w.Close()
}
