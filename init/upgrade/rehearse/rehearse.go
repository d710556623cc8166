// Package rehearse tries a new version on a copy of the cluster's datastore, before the machine restarts with it: the
// running version makes the copy, and the runtime of the slot that does not run opens another copy of that, in namespaces
// of its own, where it sees its own root and that copy, and no network, no device, and nothing else of this machine. The
// first copy is then kept as the snapshot to go back to.
//
// It refuses to begin without room and memory for it, ends what takes too long or too much memory, and leaves nothing
// behind. It does not read the datastore itself: only the runtime knows its format.
package rehearse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/slotwrite"
)

// Stage is where a rehearsal takes place.
type Stage struct {
	// None says why this machine has no datastore to try a version on; empty: it has one.
	None string
	// Runtime is the running version's k3s, Database the path of what it serves, Config its configuration.
	Runtime, Database, Config string
	Dir                       string // for copies: wayback.Dir
	Cgroup                    string // of the services; empty: none, and no limit of memory
	Memory                    int64  // bytes that the new runtime may use
	Limit                     time.Duration
	// Inside is the command that runs the function Inside.
	Inside []string
}

// Limits of a rehearsal.
const (
	Memory = 512 << 20 // bytes: k3s's code and types take about 150 MB, a page of large objects as much again
	Limit  = 20 * time.Minute
	// least is the memory that must be available before it begins: less would end pods.
	least = 192 << 20
	// margin is the room in bytes for logs beside each copy.
	margin = 16 << 20
	// stages is how many copies there are at once: the snapshot, the one that is opened, and the one that SQLite makes of
	// it when it is opened.
	stages = 3
)

// next is the copy before it is the snapshot.
func (s Stage) next() string { return filepath.Join(s.Dir, "next.db") }

// Copy makes the copy. None is why there is none.
func (s Stage) Copy(ctx context.Context) (none string, err error) {
	if s.None != "" {
		return s.None, nil
	}
	info, err := os.Stat(s.Database)
	if errors.Is(err, os.ErrNotExist) {
		return "there is no datastore yet", nil
	}
	if err != nil {
		return "", err
	}
	if err := enough(); err != nil {
		return "", err
	}
	if err := s.clean(""); err != nil {
		return "", err
	}
	if err := s.room(stages*(info.Size()+margin), "the copies of the datastore"); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, s.Runtime, "copy-datastore", s.next(), "--config", s.Config).CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("copy the datastore: %s", cmp.Or(proc.LastLine(string(out)), err.Error()))
	}
	return "", nil
}

// clean makes the directory, and removes from it what an earlier run left, and snapshots other than one.
func (s Stage) clean(keep string) error {
	if err := errors.Join(os.MkdirAll(s.Dir, 0o700), os.Chmod(s.Dir, 0o700)); err != nil {
		return err
	}
	patterns := []string{"next.db*", "rehearsal-*"}
	if keep != "" {
		patterns = append(patterns, "before-*.db*")
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(s.Dir, pattern)) // the pattern is good
		for _, path := range found {
			if path == keep {
				continue
			}
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s Stage) room(need int64, what string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(s.Dir, &st); err != nil {
		return fmt.Errorf("room in %s: %w", s.Dir, err)
	}
	if have := int64(st.Bavail) * int64(st.Bsize); have < need {
		return fmt.Errorf("%s need %d MiB, and the data partition has room for %d MiB: free some", what, need>>20, have>>20)
	}
	return nil
}

// Try opens a copy of the copy with the runtime of the other slot, and returns what that says of it. An error also says
// that it cannot take the datastore over.
func (s Stage) Try(ctx context.Context, t slotwrite.Target, m slotfile.Manifest, signed Signed) (r rehearsal.Report, err error) {
	own, err := os.MkdirTemp(s.Dir, "rehearsal-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	if err := s.furnish(own, signed); err != nil {
		return r, err
	}
	limited, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	order, err := json.Marshal(Order{Device: t.Device, Size: m.Root.Image, Hash: m.Root.Hash, Dir: own, Layout: m.Layout})
	if err != nil {
		return r, err
	}
	out, err := s.perform(limited, string(order))
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if limited.Err() != nil {
		return r, fmt.Errorf("the runtime of %s took longer than %s for a copy of the datastore", m.Version, s.Limit)
	}
	if r, bad := rehearsal.Parse(out); bad == nil {
		if no := r.Refusal(); no != nil {
			return r, fmt.Errorf("the runtime of %s cannot take the datastore over: %w", m.Version, no)
		}
		if err == nil {
			return r, nil
		}
	} else if err == nil {
		err = bad
	}
	return r, fmt.Errorf("the runtime of %s cannot take the datastore over: %w", m.Version, err)
}

// Signed is the manifest of the other slot, as it was signed.
type Signed struct{ Text, Sig []byte }

// Files in the directory that the new runtime sees as its /var.
const (
	copyName   = "copy.db"
	configName = "k3s.yaml"
	textName   = slotfile.ManifestName
	sigName    = "manifest.sig"
)

// furnish makes a second copy: what the new runtime does to it must not be in the snapshot.
func (s Stage) furnish(dir string, signed Signed) error {
	if err := copyFile(s.next(), filepath.Join(dir, copyName)); err != nil {
		return err
	}
	config, err := os.ReadFile(s.Config)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, configName), config, 0o600),
		os.WriteFile(filepath.Join(dir, textName), signed.Text, 0o600),
		os.WriteFile(filepath.Join(dir, sigName), signed.Sig, 0o600))
}

// Keep makes the copy the snapshot that the record describes, instead of earlier ones.
func (s Stage) Keep(r wayback.Record) error {
	info, err := os.Stat(s.next())
	if err != nil {
		return err
	}
	r.Snapshot, r.Bytes, r.Taken = filepath.Join(s.Dir, fmt.Sprintf("before-%d.db", r.Entry)), info.Size(), info.ModTime().UTC().Truncate(time.Second)
	r.State = wayback.Kept
	text, err := r.Encode()
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(s.next(), 0o600), os.Rename(s.next(), r.Snapshot), atomicfile.SyncDir(s.Dir)); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(s.Dir, filepath.Base(wayback.File)), text, 0o600); err != nil {
		return err
	}
	return s.clean(r.Snapshot)
}

// Drop removes the copy.
func (s Stage) Drop() {
	if s.None == "" {
		_ = s.clean("") // the next run does it
	}
}
