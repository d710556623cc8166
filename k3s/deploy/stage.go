// Package deploy keeps the cluster equal to the manifests in server/manifests: it copies the packaged manifests there,
// applies every changed file by server-side apply, and deletes objects that a file no longer has. It does not support
// charts, and it does not watch the objects: a user's changes stay until the file changes.
package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/atomicfile"
)

// Stage copies packaged manifests into the deployed directory, replacing variables of the form %{NAME}%. A file named
// in disable is removed there; one with NAME.yaml.skip beside it is not changed. A file that cannot be written is
// reported, and the previous version stays deployed: a full disk must not stop a node from starting.
func Stage(packaged, deployed string, vars map[string]string, disable []string, report Reporter) error {
	if err := os.MkdirAll(deployed, 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(packaged, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		target, key := filepath.Join(deployed, filepath.Base(file)), "manifest-file:"+filepath.Base(file)
		if err := stageOne(file, target, vars, disable); err != nil {
			report.Problem(key, fmt.Sprintf("manifest %s: %v; the previous version stays, restart k3s to retry", target, err))
			continue
		}
		report.Solved(key)
	}
	return nil
}

func stageOne(file, target string, vars map[string]string, disable []string) error {
	if slices.Contains(disable, strings.TrimSuffix(filepath.Base(file), ".yaml")) {
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if skipped(target) {
		return nil
	}
	return stageFile(file, target, vars)
}

func stageFile(from, to string, vars map[string]string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	for name, value := range vars {
		data = bytes.ReplaceAll(data, []byte("%{"+name+"}%"), []byte(value))
	}
	_, err = atomicfile.WriteIfChanged(to, data, 0o600)
	return err
}

func skipped(path string) bool {
	_, err := os.Stat(path + ".skip")
	return err == nil
}

// manifest is the content of a file to deploy, or the error of reading it.
type manifest struct {
	data []byte
	err  error
}

// manifests returns the files to deploy by name. An error of one file does not affect the others.
func manifests(dir string) (map[string]manifest, error) {
	found := map[string]manifest{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path == dir || err == nil && (d.IsDir() || !isManifest(path) || skipped(path)) {
			return err
		}
		name, rerr := filepath.Rel(dir, path)
		if rerr != nil {
			return rerr
		}
		m := manifest{err: err}
		if err == nil {
			m = read(path)
		}
		if _, lerr := os.Lstat(path); errors.Is(lerr, fs.ErrNotExist) {
			return nil // deleted since the directory was read
		}
		found[name] = m
		return nil
	})
	return found, err
}

// read refuses files that would block, such as a pipe.
func read(path string) (m manifest) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		m.err = errors.Unwrap(err)
	case !info.Mode().IsRegular():
		m.err = errors.New("not a regular file")
	default:
		m.data, m.err = os.ReadFile(path)
	}
	return m
}

func isManifest(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) && !strings.HasPrefix(filepath.Base(path), ".")
}
