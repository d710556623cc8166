package recipe

import (
	"io"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/images/tree"
)

// Install says where a compiled program goes in the root image and by which other names it is called.
type Install struct {
	Step  string // that compiled it
	File  string // its name in that step's output
	Path  string
	Links []string
}

func programs(j *graph.Job, list []Install) ([]tree.Entry, error) {
	var out []tree.Entry
	for _, p := range list {
		c, err := tree.HostFile(filepath.Join(j.In(p.Step), p.File))
		if err != nil {
			return nil, err
		}
		out = append(out, tree.File(p.Path, 0o755, c))
		for _, l := range p.Links {
			out = append(out, tree.Symlink(l, "/"+p.Path))
		}
	}
	return out, nil
}

func contentSize(entries []tree.Entry) (n int64) {
	for _, e := range entries {
		n += e.Content.Size
	}
	return n
}

// meter counts what is written through it.
type meter struct {
	w           io.Writer
	done, total int64
	report      func(done, total int64)
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.done += int64(n)
	m.report(min(m.done, m.total), m.total)
	return n, err
}

// metered are the entries, of which what is read of their contents is counted.
func metered(entries []tree.Entry, report func(done, total int64)) []tree.Entry {
	m := &meter{w: io.Discard, total: contentSize(entries), report: report}
	out := slices.Clone(entries)
	for i, e := range out {
		if e.Content.Open != nil {
			out[i].Content.Open = func() (io.ReadCloser, error) { return m.open(e.Content) }
		}
	}
	return out
}

// counted is a file that is being read, and counted.
type counted struct {
	io.Reader
	io.Closer
}

func (m *meter) open(c tree.Content) (io.ReadCloser, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	return counted{io.TeeReader(r, m), r}, nil
}
