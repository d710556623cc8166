package pack

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/delta"
	"github.com/proa-os/proa/images/tree"

	"github.com/proa-os/proa/images/payload"
)

// at is a region of the old contents.
type at struct{ file, region int }

// finder finds the old contents by which a piece is made.
type finder struct {
	c     Contents
	x     *payload.Index
	sum   map[payload.Sum]at   // first region with a content
	path  map[payload.Ref][]at // by file and path: regions with that path, all raw ones of the file without
	base  map[string][]at      // regions by the last element of their path
	near  int64                // where in the references of the last find the content is expected
	key   string               // of what is in text
	from  []payload.Ref
	text  []byte // old content
	index *delta.Index
	begin map[string]int64 // of the last window in a stream, by file
}

func newFinder(c Contents) (*finder, error) {
	x, err := c.index(true)
	if err != nil {
		return nil, fmt.Errorf("old contents: %w", err)
	}
	f := &finder{c: c, x: x, sum: map[payload.Sum]at{}, path: map[payload.Ref][]at{}, base: map[string][]at{}, begin: map[string]int64{}}
	for i, file := range x.Files {
		for k, r := range file.Regions {
			if _, ok := f.sum[r.Sum]; !ok {
				f.sum[r.Sum] = at{i, k}
			}
			key := payload.Ref{File: file.Name, Path: r.Path}
			f.path[key] = append(f.path[key], at{i, k})
			f.base[path.Base(r.Path)] = append(f.base[path.Base(r.Path)], at{i, k})
		}
	}
	return f, nil
}

// ref refers to a part of an old region. Raw regions are addressed by their offset in the file.
func (f *finder) ref(a at, offset, length int64) payload.Ref {
	file := f.x.Files[a.file]
	r := payload.Ref{File: file.Name, Path: file.Regions[a.region].Path, Offset: offset, Length: length}
	if r.Path == "" {
		r.Offset += payload.File{Regions: file.Regions[:a.region]}.Stored()
	}
	return r
}

// find returns references that are the content (index is nil), or an index of the contents they refer to.
func (f *finder) find(x *payload.Index, forms []payload.Form, parts []part, content []byte) (from []payload.Ref, index *delta.Index, err error) {
	if from, ok := f.equal(x, parts); ok {
		return from, nil, nil
	}
	if err := f.load(x, parts); err != nil || len(f.from) == 0 {
		return nil, nil, err
	}
	first := parts[0]
	if forms[first.file].Stream != nil {
		return f.window(x.Files[first.file].Name, first.offset, content)
	}
	begin, end := first.offset, first.offset+int64(len(content))
	if len(f.from) == 1 && end <= int64(len(f.text)) && bytes.Equal(content, f.text[begin:end]) {
		one := f.from[0]
		one.Offset, one.Length = one.Offset+begin, int64(len(content))
		f.near = end
		return []payload.Ref{one}, nil, nil
	}
	if begin == 0 {
		f.near = 0
	}
	return f.from, f.index, nil
}

// equal returns references if all contents are in the old slot, under whatever path.
func (f *finder) equal(x *payload.Index, parts []part) (from []payload.Ref, ok bool) {
	for _, t := range parts {
		r := x.Files[t.file].Regions[t.region]
		a, ok := f.sum[r.Sum]
		for _, same := range f.path[payload.Ref{File: x.Files[t.file].Name, Path: r.Path}] {
			if f.x.Files[same.file].Regions[same.region].Sum == r.Sum {
				a = same // rather than another file with that content
			}
		}
		if !ok {
			return nil, false
		}
		from = append(from, f.ref(a, t.offset, int64(len(t.b))))
	}
	return from, true
}

// load reads the old contents of the same paths. Those of the last piece are kept, as most pieces are of one large file.
func (f *finder) load(x *payload.Index, parts []part) error {
	var list []at
	for _, t := range parts {
		for _, a := range f.counterparts(x.Files[t.file].Name, x.Files[t.file].Regions[t.region]) {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	if key := fmt.Sprint(list); key != f.key {
		f.key, f.from, f.text, f.index = key, nil, nil, nil
		total := int64(0)
		for _, a := range list {
			size := f.c.Files[a.file].Regions[a.region].Content.Size
			f.from = append(f.from, f.ref(a, 0, size))
			total += size
		}
		f.text = make([]byte, 0, total)
		for _, a := range list {
			if err := f.append(f.c.Files[a.file].Regions[a.region].Content); err != nil {
				return fmt.Errorf("old contents: %s: %w", f.ref(a, 0, 0).Path, err)
			}
		}
		var err error
		f.index, err = delta.NewIndex(f.text)
		return err
	}
	return nil
}

// append reads a content into text, which has the capacity for it.
func (f *finder) append(c tree.Content) error {
	begin := len(f.text)
	f.text = f.text[:begin+int(c.Size)]
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close() // it was only read
	_, err = io.ReadFull(r, f.text[begin:])
	return err
}

// counterparts returns the old regions that a region is likely to resemble: of the same path; the one with the same
// content; or with the most of the last elements of the path in common, as directories are named by versions.
func (f *finder) counterparts(file string, r payload.Region) []at {
	if list := f.path[payload.Ref{File: file, Path: r.Path}]; len(list) > 0 {
		return list
	}
	if a, ok := f.sum[r.Sum]; ok {
		return []at{a}
	}
	best, most := []at(nil), 0
	if r.Path == "" {
		return nil
	}
	for _, a := range f.base[path.Base(r.Path)] {
		if n := common(f.x.Files[a.file].Regions[a.region].Path, r.Path); n > most {
			best, most = []at{a}, n
		}
	}
	return best
}

// common returns how many elements two paths have in common, from their ends and from their beginnings.
func common(a, b string) (n int) {
	p, q := strings.Split(a, "/"), strings.Split(b, "/")
	for n < min(len(p), len(q)) && p[len(p)-1-n] == q[len(q)-1-n] {
		n++
	}
	for i := 0; i < min(len(p), len(q)) && p[i] == q[i]; i++ {
		n++
	}
	return n
}

// window restricts the references to what a device that reads a stream once still has: see payload.Window.
func (f *finder) window(file string, offset int64, content []byte) ([]payload.Ref, *delta.Index, error) {
	middle := f.index.Middle(content, offset)
	size := int64(len(f.text))
	begin := max(f.begin[file], min(middle-payload.Window/2, size-payload.Window), 0)
	end := min(size, begin+payload.Window)
	if begin >= end {
		return nil, nil, nil
	}
	f.begin[file] = begin
	x, err := delta.NewIndex(f.text[begin:end])
	one := f.from[0]
	one.Offset, one.Length = one.Offset+begin, end-begin
	f.near = max(0, offset-begin)
	return []payload.Ref{one}, x, err
}
