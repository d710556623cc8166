package apt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/pin"
)

// Store keeps downloaded packages by their sha256, so that a new lock downloads only new packages. Its methods are safe
// for concurrent use; downloads take turns.
type Store struct {
	Dir string // directory of the packages
	Apt string // parent of the private apt directories
	mu  sync.Mutex
}

// File returns the path of a package in the store.
func (s *Store) File(p pin.Package) string { return filepath.Join(s.Dir, p.SHA256+".deb") }

// Fetch downloads the missing packages of the list and verifies all. progress is called with bytes.
func (s *Store) Fetch(ctx context.Context, arch string, list []pin.Package, progress func(done, total int64)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing, err := s.missing(list)
	if err != nil || len(missing) == 0 {
		return err
	}
	incoming := filepath.Join(s.Dir, "incoming-"+arch)
	if err := os.MkdirAll(incoming, 0o755); err != nil {
		return err
	}
	state, err := Open(ctx, s.Apt, arch)
	if err != nil {
		return err
	}
	stop := watch(incoming, missing, progress)
	_, err = state.run(ctx, incoming, helper, state.downloads(missing)...)
	stop()
	if err != nil {
		return gone(err, missing)
	}
	return s.accept(incoming, missing)
}

// helper is apt's program for downloading single files. `apt-get download` would need the package lists; the lock has
// path and digest of every file, so a build works while a mirror updates its lists.
const helper = "/usr/lib/apt/apt-helper"

// downloads returns the arguments: URL, file and digest of each package.
func (s *State) downloads(list []pin.Package) []string {
	args := []string{"download-file"}
	for _, p := range list {
		args = append(args, s.address(p), fileName(p), "SHA256:"+p.SHA256)
	}
	return args
}

// address returns the URL of a package. Packages of Debian's security archive are recognised by their path.
func (s *State) address(p pin.Package) string {
	base := s.sources[0].uri
	if strings.HasPrefix(p.Path, "pool/updates/") {
		base = s.sources[len(s.sources)-1].uri
	}
	return base + "/" + strings.ReplaceAll(p.Path, "+", "%2b")
}

// GoneError says that the mirror no longer has versions in the lock.
type GoneError struct {
	Packages []pin.Package // requested packages; at least one of them is gone
	Err      error         // apt's error, which names them
}

func (e *GoneError) Error() string {
	return e.Err.Error() + "\nthe mirror no longer has a locked version: run `proa lock` and commit build/pin"
}

func (e *GoneError) Unwrap() error { return e.Err }

// gone recognises apt's error messages for that.
func gone(err error, asked []pin.Package) error {
	if strings.Contains(err.Error(), "was not found") || strings.Contains(err.Error(), "Unable to locate") || strings.Contains(err.Error(), "404") {
		return &GoneError{Packages: asked, Err: err}
	}
	return err
}

// missing returns the packages that are not in the store or do not match the lock's digest, which is verified at every
// use. Bad files are removed.
func (s *Store) missing(list []pin.Package) (out []pin.Package, err error) {
	for _, p := range list {
		sum, failed := files.SHA256(s.File(p))
		switch {
		case errors.Is(failed, fs.ErrNotExist):
			out = append(out, p)
		case failed != nil:
			err = errors.Join(err, failed)
		case sum != p.SHA256:
			out, err = append(out, p), errors.Join(err, os.Remove(s.File(p)))
		}
	}
	return out, err
}

// accept moves verified downloads into the store.
func (s *Store) accept(incoming string, list []pin.Package) error {
	var all error
	for _, p := range list {
		file := filepath.Join(incoming, fileName(p))
		sum, err := files.SHA256(file)
		switch {
		case err != nil:
			all = errors.Join(all, err)
		case sum != p.SHA256:
			all = errors.Join(all, fmt.Errorf("%s: sha256 is %s, the lock says %s", p, sum, p.SHA256), os.Remove(file))
		default:
			all = errors.Join(all, os.Rename(file, s.File(p)))
		}
	}
	return all
}

// fileName is apt's naming: only the colon of an epoch is escaped.
func fileName(p pin.Package) string {
	version := strings.ReplaceAll(p.Version, ":", "%3a")
	return fmt.Sprintf("%s_%s_%s.deb", p.Name, version, p.Arch)
}

// watch reports the growth of the directory until stop is called, because apt reports its own progress to terminals
// only.
func watch(dir string, list []pin.Package, progress func(done, total int64)) (stop func()) {
	var total int64
	for _, p := range list {
		total += p.Size
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				progress(min(sizeOf(dir, list), total), total)
			}
		}
	}()
	return func() { close(quit); <-gone }
}

func sizeOf(dir string, list []pin.Package) (n int64) {
	for _, p := range list {
		if st, err := os.Stat(filepath.Join(dir, fileName(p))); err == nil {
			n += st.Size()
		}
	}
	return n
}
