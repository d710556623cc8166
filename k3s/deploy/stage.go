// Package deploy keeps the cluster equal to the manifests in server/manifests: it copies the packaged ones there,
// applies every file by server-side apply when it changed, and deletes what a file no longer names.
// It does not know charts, and it does not watch the objects: what a user changes stays until the file changes.
package deploy

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/atomicfile"
)

// Stage copies packaged manifests into the deployed folder, filling in the variables written as %{NAME}%.
// A file named in disable is removed there; one with NAME.yaml.skip beside it is left as it is.
func Stage(packaged, deployed string, vars map[string]string, disable []string) error {
	if err := os.MkdirAll(deployed, 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(packaged, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(file)
		target := filepath.Join(deployed, name)
		if slices.Contains(disable, strings.TrimSuffix(name, ".yaml")) {
			if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if skipped(target) {
			continue
		}
		if err := stageFile(file, target, vars); err != nil {
			return err
		}
	}
	return nil
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

// manifests lists the files to deploy, by name, with their contents.
func manifests(dir string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isManifest(path) || skipped(path) {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted since the folder was read
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[name] = data
		return err
	})
	return found, err
}

func isManifest(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) && !strings.HasPrefix(filepath.Base(path), ".")
}
