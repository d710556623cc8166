package preload

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	unpacker "github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/continuity/fs"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// upperdir is the label with the path of a layer in the overlay snapshotter (upperdir_label in containerd's
// configuration).
const upperdir = "containerd.io/snapshot/overlay.upperdir"

// layer is one layer of an image: its blob, and the directory it was unpacked to.
type layer struct {
	blob ocispec.Descriptor
	dir  string
}

// heal unpacks each layer of an image again that has lost data. containerd trusts its own metadata, which is synced;
// layers that were unpacked without a sync may have empty files after a power cut.
func heal(ctx context.Context, c *client.Client, target ocispec.Descriptor) error {
	layers, err := layersOf(ctx, c, target)
	if err != nil {
		return err
	}
	var below []string // uppermost first
	for _, l := range layers {
		lost, err := l.lost(ctx, c)
		if err != nil {
			return fmt.Errorf("layer %s: %w", l.blob.Digest, err)
		}
		if lost != "" {
			if err := l.restore(ctx, c, below); err != nil {
				return fmt.Errorf("unpack layer %s again, which has lost %s: %w", l.blob.Digest, lost, err)
			}
		}
		below = append([]string{l.dir}, below...)
	}
	return nil
}

// whole says whether all layers of an image are complete.
func whole(ctx context.Context, c *client.Client, target ocispec.Descriptor) bool {
	layers, err := layersOf(ctx, c, target)
	for _, l := range layers {
		if lost, lerr := l.lost(ctx, c); lerr != nil || lost != "" {
			return false
		}
	}
	return err == nil
}

// layersOf returns the unpacked layers of an image, lowest first.
func layersOf(ctx context.Context, c *client.Client, target ocispec.Descriptor) (layers []layer, err error) {
	manifest, err := images.Manifest(ctx, c.ContentStore(), target, platforms.Default())
	if err != nil {
		return nil, err
	}
	ids, err := images.RootFS(ctx, c.ContentStore(), manifest.Config)
	if err != nil {
		return nil, err
	}
	if len(ids) != len(manifest.Layers) {
		return nil, fmt.Errorf("%d layers, %d of them unpacked", len(manifest.Layers), len(ids))
	}
	for i, blob := range manifest.Layers {
		info, err := c.SnapshotService(snapshotter).Stat(ctx, identity.ChainID(ids[:i+1]).String())
		if err != nil {
			return nil, err
		}
		if info.Labels[upperdir] == "" {
			return nil, errors.New("containerd does not say where it was unpacked")
		}
		layers = append(layers, layer{blob, info.Labels[upperdir]})
	}
	return layers, nil
}

// lost returns the first file that is missing or shorter than in the blob. The data partition's file system writes data
// before sizes (ext4(5), data=ordered), so after a power cut files may be too short, but never have other content.
func (l layer) lost(ctx context.Context, c *client.Client) (string, error) {
	sizes := map[string]int64{} // of the last entry of a name, which is the valid one
	err := l.read(ctx, c, func(r io.Reader) error {
		tr := tar.NewReader(r)
		for {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			name := filepath.Clean("/" + h.Name)
			if h.Typeflag == tar.TypeReg && !strings.HasPrefix(filepath.Base(name), ".wh.") {
				sizes[name] = h.Size
			} else {
				delete(sizes, name)
			}
		}
	})
	if errdefs.IsNotFound(err) {
		return "", nil // the blob was garbage collected: nothing to compare with or to unpack
	}
	for name, size := range sizes {
		if !holds(l.dir, name, size) {
			return name, err
		}
	}
	return "", err
}

// holds says whether a file of that size exists. Symbolic links on the path are resolved inside the layer.
func holds(dir, name string, size int64) bool {
	parent, err := fs.RootPath(dir, filepath.Dir(name))
	if err != nil {
		return false
	}
	info, err := os.Lstat(filepath.Join(parent, filepath.Base(name)))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// restore unpacks the layer over its directory, and syncs it. Files are replaced and not overwritten, so that running
// programs keep their open files.
func (l layer) restore(ctx context.Context, c *client.Client, below []string) error {
	replace := func(h *tar.Header, path string) (bool, error) {
		if hidden, ok := strings.CutPrefix(filepath.Base(path), ".wh."); ok && hidden != ".wh..opq" {
			if err := os.RemoveAll(filepath.Join(filepath.Dir(path), hidden)); err != nil {
				return false, err
			}
		}
		return unpacker.OverlayConvertWhiteout(h, path)
	}
	err := l.read(ctx, c, func(r io.Reader) error {
		_, err := unpacker.Apply(ctx, l.dir, r, unpacker.WithConvertWhiteout(replace), unpacker.WithParents(below))
		return err
	})
	if err != nil {
		return err
	}
	return syncFS(l.dir)
}

func (l layer) read(ctx context.Context, c *client.Client, use func(io.Reader) error) error {
	ra, err := c.ContentStore().ReaderAt(ctx, l.blob)
	if err != nil {
		return err
	}
	defer ra.Close()
	r, err := decompress(io.NewSectionReader(ra, 0, ra.Size()))
	if err != nil {
		return err
	}
	if z, ok := r.(interface{ Close() }); ok { // zstd's reader has goroutines
		defer z.Close()
	}
	return use(r)
}

func syncFS(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}
