package recipe

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/build/graph"
)

// addTree adds the regular files at or below a path, named from the repository's root.
func (k *Kit) addTree(top string, files map[string]bool) error {
	return filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(k.Repo, p)
		files[filepath.ToSlash(rel)] = true
		return err
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

func sorted(set map[string]bool) []string { return sortedKeys(set) }

func removeAll(dir string, names ...string) (err error) {
	for _, n := range names {
		err = errors.Join(err, graph.Remove(filepath.Join(dir, n)))
	}
	return err
}

// copyFile copies content and nothing else.
func copyFile(from, to string, perm fs.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, perm)
}

func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func readJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
