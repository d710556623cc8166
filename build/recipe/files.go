package recipe

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
