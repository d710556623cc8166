// Package shim keeps the program of containerd's shims in memory, for machines whose root may be exchanged while pods run:
// a shim lives as long as its pod, and one that was started from the root would keep that root in use. It costs the size
// of the program. It starts nothing: k3s finds the program by its PATH.
package shim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Name is the program, as containerd looks for it.
const Name = "containerd-shim-runc-v2"

// Source is the program on the root. Dir is where the copy is; the path of the program there never changes, because
// containerd keeps it with each pod.
const (
	Source = "/usr/bin/" + Name
	Dir    = "/run/proa/shim"
)

// First returns an environment in which the copy is found first.
func First(env []string) (out []string) {
	for _, line := range env {
		if path, is := strings.CutPrefix(line, "PATH="); is {
			line = "PATH=" + Dir + ":" + path
		}
		out = append(out, line)
	}
	return out
}

// Place makes the copy the same as the program on the root, before k3s starts. Shims that run keep the program they were
// started with. Nobody removes the copy: pods that were started with it need its path to be cleaned up.
func Place(root string) error {
	to := filepath.Join(root, Dir, Name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(root, Source), to+".new"); err != nil {
		return errors.Join(fmt.Errorf("copy of %s in memory: %w", Source, err), os.Remove(to+".new"))
	}
	return os.Rename(to+".new", to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
