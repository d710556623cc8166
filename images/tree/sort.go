package tree

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// Sort returns the entries in the one order every writer uses: by path, parents before children.
// Missing parent directories are added (root's, 0755), the root directory too. A path that is not
// clean, leaves the tree, stands twice, or lies beneath something that is no directory is an error.
func Sort(entries []Entry) ([]Entry, error) {
	seen := map[string]Entry{}
	for _, e := range entries {
		if err := check(e); err != nil {
			return nil, err
		}
		if _, dup := seen[e.Path]; dup {
			return nil, fmt.Errorf("%s: stands twice in the tree", e.Path)
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

// sortKey puts "." before everything and keeps a directory's children together: "a/b" < "a.txt" would
// separate "a" from its children, which depth-first readers (the kernel's cpio among them) dislike.
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
		return fmt.Errorf("%s: file type %v has no place in an image", e.Path, t)
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
