package preload

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"

	"github.com/containerd/containerd/v2/client"
	"github.com/opencontainers/go-digest"

	"github.com/proa-os/proa/images/atomicfile"
)

// state records what was imported completely and synced. Without it everything is imported again, which is slow and
// harmless.
type state struct {
	// Verified says that layers unpacked before layers were synced have been checked.
	Verified bool             `json:"verified"`
	Archives map[string]entry `json:"archives"`
}

type entry struct {
	Stamp  string                   `json:"stamp"`
	Images map[string]digest.Digest `json:"images"`
}

func load(path string) (s state) {
	if data, err := os.ReadFile(path); err != nil || json.Unmarshal(data, &s) != nil {
		s = state{}
	}
	if s.Archives == nil {
		s.Archives = map[string]entry{}
	}
	return s
}

func (s state) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	_, err = atomicfile.WriteIfChanged(path, append(data, '\n'), 0o600)
	return err
}

// present says whether an archive was imported in its current version, and its images still exist, pinned and unpacked.
// If unsure it says no.
func (p *Preload) present(ctx context.Context, c *client.Client, f file) bool {
	e, ok := p.state.Archives[f.path]
	if !ok || e.Stamp != f.stamp {
		return false
	}
	for name, digest := range e.Images {
		image, err := c.GetImage(ctx, name)
		if err != nil || image.Target().Digest != digest || image.Labels()[pin] == "" {
			return false
		}
		if unpacked, err := image.IsUnpacked(ctx, snapshotter); err != nil || !unpacked {
			return false
		}
		// The node needs the packaged images, and they are few and uncompressed: verify them at every start.
		if within(p.Packaged, f.path) && !whole(ctx, c, image.Target()) {
			return false
		}
	}
	return true
}

// verifyOnce heals every image that was unpacked before layers were synced, including pulled ones.
func (p *Preload) verifyOnce(ctx context.Context, c *client.Client) {
	if p.state.Verified {
		return
	}
	all, err := c.ImageService().List(ctx)
	for _, image := range all {
		key := "image:" + image.Target.Digest.String()
		if herr := heal(ctx, c, image.Target); herr != nil && ctx.Err() == nil {
			p.Report.Problem(key, fmt.Sprintf("image %s: %v", image.Name, herr))
		}
	}
	if err != nil || ctx.Err() != nil {
		return // retried at the next start
	}
	p.state.Verified = true
	_ = p.state.save(p.State) // pass saves it too, and reports errors
}

// unpin lets the kubelet garbage collect the images of deleted archives and lists, such as those of an earlier version
// of the system; but not while one of the system's could not be imported, because the previous version may be the only
// one.
func (p *Preload) unpin(ctx context.Context, c *client.Client, files []file) error {
	for _, f := range files {
		if within(p.Packaged, f.path) && p.state.Archives[f.path].Stamp != f.stamp {
			return nil
		}
	}
	wanted := p.wanted()
	all, err := c.ImageService().List(ctx, fmt.Sprintf("labels.%q==pinned", pin))
	if err != nil {
		return err
	}
	for _, image := range all {
		if wanted[image.Name] || wanted[image.Target.Digest.String()] {
			continue
		}
		image.Labels = maps.Clone(image.Labels)
		delete(image.Labels, pin)
		if _, err := c.ImageService().Update(ctx, image, "labels"); err != nil {
			return fmt.Errorf("%s: %w", image.Name, err)
		}
	}
	return nil
}

// wanted returns the names and digests that stay pinned.
func (p *Preload) wanted() map[string]bool {
	names := map[string]bool{}
	for _, e := range p.state.Archives {
		for name, digest := range e.Images {
			names[name], names[digest.String()] = true, true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.lists {
		for _, name := range list {
			names[name] = true
		}
	}
	return names
}
