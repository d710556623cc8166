package tree

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// Sort returns the entries in the order that all writers use: by path, parents before children. It adds missing parent
// directories (root's, 0755) and the root directory. A path that is not clean, leaves the tree, occurs twice, or lies
// below something that is not a directory is an error.
func Sort(entries []Entry) ([]Entry, error) {
	seen := map[string]Entry{}
	for _, e := range entries {
		if err := check(e); err != nil {
			return nil, err
		}
		if _, dup := seen[e.Path]; dup {
			return nil, fmt.Errorf("%s: duplicate path", e.Path)
		}
		seen[e.Path] = e
	}
	if err := addParents(seen); err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(seen))
	for _, e := range seen {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(sortKey(a.Path), sortKey(b.Path)) })
	return out, nil
}

// sortKey sorts "." first and keeps the children of a directory together: "a/b" < "a.txt" would separate "a" from its
// children, and depth-first readers (such as the kernel's cpio) want them next to each other.
func sortKey(p string) string {
	if p == "." {
		return ""
	}
	b := []byte(p)
	for i, c := range b {
		if c == '/' {
			b[i] = 1
		}
	}
	return string(b)
}

func check(e Entry) error {
	if !fs.ValidPath(e.Path) {
		return fmt.Errorf("%q: not a clean relative path", e.Path)
	}
	if odd := e.Mode &^ (fs.ModeType | modeBits); odd != 0 {
		return fmt.Errorf("%s: mode %#o has bits that mean nothing in Go", e.Path, uint32(odd))
	}
	switch t := e.Mode.Type(); t {
	case 0:
		if e.Content.Open == nil && e.Content.Size != 0 {
			return fmt.Errorf("%s: size without content", e.Path)
		}
	case fs.ModeSymlink:
		if e.Target == "" {
			return fmt.Errorf("%s: symbolic link without target", e.Path)
		}
	case fs.ModeDir, fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice, fs.ModeNamedPipe:
	default:
		return fmt.Errorf("%s: unsupported file type %v", e.Path, t)
	}
	return nil
}

func addParents(seen map[string]Entry) error {
	paths := make([]string, 0, len(seen))
	for p := range seen {
		paths = append(paths, p)
	}
	for _, p := range paths {
		for p != "." {
			p = path.Dir(p)
			parent, ok := seen[p]
			if !ok {
				seen[p] = Dir(p, 0o755)
			} else if !parent.Mode.IsDir() {
				return fmt.Errorf("%s: has children but is no directory", p)
			}
		}
	}
	if _, ok := seen["."]; !ok {
		seen["."] = Dir(".", 0o755)
	}
	return nil
}
