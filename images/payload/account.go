package payload

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Usage is what pieces have in common.
type Usage struct {
	Name    string
	Pieces  int
	Content int64 // bytes that the device makes
	Frames  int64 // bytes that it fetches
}

// ByOp returns the usage of each operation that occurs, and of the index itself.
func (x *Index) ByOp() []Usage {
	list := x.group(func(_ Place, p Piece) string { return string(p.Op) })
	return append(list, Usage{Name: "index", Frames: x.Length})
}

// ByFile returns the usage of each file: of the manifest, and in the root image. A piece of several is counted with the
// first of them. Those that are fetched most come first.
func (x *Index) ByFile() []Usage {
	list := x.group(func(at Place, _ Piece) string {
		f := x.Files[at.File]
		return strings.TrimSuffix(f.Name+" "+f.Regions[at.Region].Path, " ")
	})
	slices.SortStableFunc(list, func(a, b Usage) int { return cmp.Compare(b.Frames, a.Frames) })
	return list
}

// Fetched returns how many bytes the payload file has.
func (x *Index) Fetched() int64 {
	n := x.Length
	for _, p := range x.Pieces {
		n += p.Length
	}
	return n
}

// group adds pieces up by names, and returns them in the order of these.
func (x *Index) group(name func(Place, Piece) string) (list []Usage) {
	places, err := Cut(x.Files, len(x.Pieces))
	if err != nil || len(places) != len(x.Pieces) {
		return nil // such an index is neither written nor read
	}
	all := map[string]Usage{}
	for i, p := range x.Pieces {
		n := name(places[i], p)
		u := all[n]
		all[n] = Usage{n, u.Pieces + 1, u.Content + int64(p.Size), u.Frames + p.Length}
	}
	for _, n := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[n])
	}
	return list
}

func (u Usage) String() string {
	return fmt.Sprintf("%-8s %5d pieces %12d bytes of content %12d to fetch", u.Name, u.Pieces, u.Content, u.Frames)
}

// Copies returns how many pieces are copied.
func (x *Index) Copies() (n int) {
	for _, p := range x.Pieces {
		if p.Op == OpCopy {
			n++
		}
	}
	return n
}
