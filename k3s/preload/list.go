package preload

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/distribution/reference"
)

// pullWait is the timeout for one image of a list.
const pullWait = 30 * time.Minute

// readList reads a list: one image name per line, # begins a comment.
func (p *Preload) readList(f file) {
	data, err := os.ReadFile(f.path)
	var names []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ref, perr := reference.ParseDockerRef(line)
		if perr != nil {
			err = fmt.Errorf("%q: %w", line, perr)
			continue
		}
		names = append(names, ref.String())
	}
	p.mu.Lock()
	p.lists[f.path] = names
	p.mu.Unlock()
	if err != nil {
		p.left(f, err)
		return
	}
	p.Report.Solved(f.key())
}

// pullLists pulls and pins the images in the lists, and retries failed ones.
func (p *Preload) pullLists(ctx context.Context, c *client.Client) {
	for {
		p.mu.Lock()
		lists := map[string][]string{}
		for path, names := range p.lists {
			lists[path] = names
		}
		p.mu.Unlock()
		for path, names := range lists {
			key := "image-pull:" + path
			if err := p.pullList(ctx, c, names); err != nil && ctx.Err() == nil {
				p.Report.Problem(key, fmt.Sprintf("image list %s: %v; will be retried", path, err))
				continue
			}
			p.Report.Solved(key)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// pullList pulls as many as it can, and returns the first error.
func (p *Preload) pullList(ctx context.Context, c *client.Client, names []string) (first error) {
	for _, name := range names {
		if err := p.pullOne(ctx, c, name); err != nil && first == nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	}
	return first
}

func (p *Preload) pullOne(ctx context.Context, c *client.Client, name string) error {
	image, err := c.ImageService().Get(ctx, name)
	if err != nil {
		wait, cancel := context.WithTimeout(ctx, pullWait)
		defer cancel()
		if err := p.Pull(wait, name); err != nil {
			return err
		}
		if image, err = c.ImageService().Get(ctx, name); err != nil {
			return err
		}
	}
	if image.Labels[pin] != "" {
		return nil
	}
	image.Labels = pinned
	_, err = c.ImageService().Update(ctx, image, "labels."+pin)
	return err
}

func within(dir, path string) bool { return filepath.Dir(path) == filepath.Clean(dir) }
