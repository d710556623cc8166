// Package compare lists the differences of two directories: names, contents and link targets.
package compare

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/build/files"
)

// Trees lists the files that differ between both directories. Permissions are not compared: images do not use them.
func Trees(a, b string) ([]string, error) {
	left, err := digests(a)
	if err != nil {
		return nil, err
	}
	right, err := digests(b)
	if err != nil {
		return nil, err
	}
	var out []string
	for name, sum := range left {
		switch other, ok := right[name]; {
		case !ok:
			out = append(out, name+" is missing the second time")
		case sum != other:
			out = append(out, name+" differs")
		}
	}
	for name := range right {
		if _, ok := left[name]; !ok {
			out = append(out, name+" is new the second time")
		}
	}
	slices.Sort(out)
	return out, nil
}

func digests(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			out[rel] = target
			return err
		}
		out[rel], err = files.SHA256(file)
		return err
	})
	return out, err
}
