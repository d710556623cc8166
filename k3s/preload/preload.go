// Package preload imports the image archives on a node into containerd: unpacked, synced and pinned, so that the
// kubelet does not garbage collect images that no registry has. An archive that cannot be used is skipped, reported as
// a problem, and retried; it does not stop the others. It pulls only images that a list (.txt) names, with the function
// it is given.
package preload

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
)

const (
	// look is the interval for checking the directory for new, changed or deleted archives.
	look = 10 * time.Second
	// again is when an unchanged archive that failed is retried: the disk may have been full.
	again = 2 * time.Minute
)

// Reporter receives problems, and when they are solved.
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// Preload has the archives of one node.
type Preload struct {
	Packaged string // directory of the system's archives
	User     string // directory of the user's archives and lists
	State    string // file that records what was imported completely
	Client   func() (*client.Client, error)
	Pull     func(ctx context.Context, name string) error
	Report   Reporter
	Progress func(file string)

	state state
	tried map[string]attempt
	mu    sync.Mutex
	lists map[string][]string // image names by list
}

// attempt is the last failed import of an archive, or the last check of one that was still growing.
type attempt struct {
	stamp string
	at    time.Time
}

// Run imports the existing archives, calls ready, and then watches the directory until the context ends. An error means
// that containerd cannot be reached.
func (p *Preload) Run(ctx context.Context, ready func()) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := p.start(ctx, c); err != nil {
		return err
	}
	ready()
	go p.pullLists(ctx, c)
	p.verifyOnce(ctx, c)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
		if err := p.pass(ctx, c, false); err != nil && ctx.Err() == nil {
			p.Report.Problem("images", fmt.Sprintf("images: %v", err))
		}
	}
}

// Once imports the existing archives and returns.
func (p *Preload) Once(ctx context.Context) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	return p.start(ctx, c)
}

func (p *Preload) start(ctx context.Context, c *client.Client) error {
	p.state, p.tried, p.lists = load(p.State), map[string]attempt{}, map[string][]string{}
	return p.pass(ctx, c, true)
}

// pass imports changed archives. In the first pass at once; later an archive must be unchanged in two checks, because
// it may be being copied.
func (p *Preload) pass(ctx context.Context, c *client.Client, first bool) error {
	files := p.find()
	for _, f := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.consider(ctx, c, f, first)
	}
	p.forget(files)
	if err := p.unpin(ctx, c, files); err != nil {
		return fmt.Errorf("unpin: %w", err)
	}
	if err := p.state.save(p.State); err != nil { // the next start imports again: slow, but correct
		p.Report.Problem("images-state", fmt.Sprintf("images: %v", err))
		return nil
	}
	p.Report.Solved("images-state")
	return nil
}

func (p *Preload) consider(ctx context.Context, c *client.Client, f file, first bool) {
	if f.err != nil {
		p.left(f, f.err)
		return
	}
	if f.list {
		p.readList(f)
		return
	}
	last, seen := p.tried[f.path]
	switch {
	case !first && p.state.Archives[f.path].Stamp == f.stamp:
		return // imported by this process, or found in its first pass
	case !first && (!seen || last.stamp != f.stamp):
		p.tried[f.path] = attempt{stamp: f.stamp} // new or growing: import at the next check
		return
	case !first && time.Since(last.at) < again:
		return
	}
	if err := p.one(ctx, c, f); err != nil {
		p.tried[f.path] = attempt{f.stamp, time.Now()}
		p.left(f, err)
		return
	}
	delete(p.tried, f.path)
	p.Report.Solved(f.key())
}

func (p *Preload) left(f file, err error) {
	kind := "archive"
	if f.list {
		kind = "list"
	}
	p.Report.Problem(f.key(), fmt.Sprintf("image %s %s: %v; left out", kind, f.path, err))
}

// one imports the images of an archive, unless they are present.
func (p *Preload) one(ctx context.Context, c *client.Client, f file) error {
	if p.present(ctx, c, f) {
		return nil
	}
	p.Progress(filepath.Base(f.path))
	images, err := importFile(ctx, c, f.path)
	if err != nil {
		return err
	}
	p.state.Archives[f.path] = entry{Stamp: f.stamp, Images: images}
	return nil
}

// forget drops the state of deleted archives.
func (p *Preload) forget(files []file) {
	there := map[string]bool{}
	for _, f := range files {
		there[f.path] = true
	}
	gone := func(path string) bool { return !there[path] }
	for path := range p.state.Archives {
		if gone(path) {
			delete(p.state.Archives, path)
		}
	}
	for path := range p.tried {
		if gone(path) {
			delete(p.tried, path)
			p.Report.Solved(file{path: path}.key())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for path := range p.lists {
		if gone(path) {
			delete(p.lists, path)
			p.Report.Solved(file{path: path}.key())
		}
	}
}
