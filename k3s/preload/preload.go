// Package preload brings the image archives that lie on a node into containerd: unpacked, durable and pinned, so that the kubelet does
// not collect what no registry could give back. It refuses to stop for one of them: an archive that cannot be used is left out, told of
// as a problem, and tried again. It pulls nothing but what a list (.txt) names, and that by the function it is given.
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
	// look is how often the folder is looked at for archives that came, changed or went.
	look = 10 * time.Second
	// again is after how long an archive that could not be used is tried again though it has not changed: the disk may have been full.
	again = 2 * time.Minute
)

// Reporter is told what does not work, and what does again.
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// Preload is the archives of one node.
type Preload struct {
	Packaged string // folder of the archives that came with the system
	User     string // folder of the user's archives and lists
	State    string // file that remembers what was imported whole
	Client   func() (*client.Client, error)
	Pull     func(ctx context.Context, name string) error
	Report   Reporter
	Progress func(file string)

	state state
	tried map[string]attempt
	mu    sync.Mutex
	lists map[string][]string // names in each list
}

// attempt is the last try of one archive that failed, or the look at one that was still growing.
type attempt struct {
	stamp string
	at    time.Time
}

// Run imports what is there, calls ready, and then keeps up with the folder until the context ends. An error means that containerd
// cannot be asked.
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

// Once imports what is there and returns.
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

// pass imports what changed. In the first pass nothing is waited for; later an archive must look the same twice, as it may be being
// copied.
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
	if err := p.state.save(p.State); err != nil { // the next start imports again: slow, but right
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
		return // imported by this process, or found there by its first pass
	case !first && (!seen || last.stamp != f.stamp):
		p.tried[f.path] = attempt{stamp: f.stamp} // new or growing: at the next look
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

// one makes the images of an archive usable, unless they are already.
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

// forget drops what was known of archives that are gone.
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
