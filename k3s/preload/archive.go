package preload

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pierrec/lz4/v4"
)

// pinned are labels that keep the kubelet from garbage collecting an image that no registry has.
var pinned = map[string]string{pin: "pinned", "io.cri-containerd.image": "managed"}

const (
	pin         = "io.cri-containerd.pinned"
	snapshotter = "overlayfs"
)

// compressions are recognised by the first bytes of a file.
var compressions = []struct {
	magic string
	open  func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) }},
	{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"\x04\x22\x4d\x18", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
}

// decompress returns a decompressing reader. An uncompressed file stays seekable.
func decompress(r io.ReadSeeker) (io.Reader, error) {
	magic := make([]byte, 4)
	n, err := io.ReadFull(r, magic)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	for _, c := range compressions {
		if bytes.HasPrefix(magic[:n], []byte(c.magic)) {
			return c.open(bufio.NewReaderSize(r, 1<<16))
		}
	}
	return r, nil
}

// leased returns a context whose new contents and snapshots are kept until done is called. The lease is named after the
// archive: what an import that a power cut ended has left is removed first, instead of filling the disk until its lease
// expires after a day.
func leased(ctx context.Context, c *client.Client, path string) (context.Context, func(context.Context) error, error) {
	lease := leases.Lease{ID: "import-" + digest.FromString(path).Encoded()}
	err := c.LeasesService().Delete(ctx, lease, leases.SynchronousDelete)
	if err != nil && !errdefs.IsNotFound(err) {
		return nil, nil, fmt.Errorf("remove what an earlier import has left: %w", err)
	}
	return c.WithLease(ctx, leases.WithID(lease.ID), leases.WithExpiration(24*time.Hour))
}

// importFile imports the images of an archive into containerd. Image names are created last: an image that cannot be
// unpacked never has one, and containerd garbage collects its parts when the lease expires.
func importFile(ctx context.Context, c *client.Client, path string) (map[string]digest.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	r, err := decompress(f)
	if err != nil {
		return nil, err
	}
	if z, ok := r.(*zstd.Decoder); ok {
		defer z.Close()
	}
	ctx, done, err := leased(ctx, c, path)
	if err != nil {
		return nil, err
	}
	defer done(context.WithoutCancel(ctx)) //nolint:errcheck // it expires by itself
	index, err := archive.ImportIndex(ctx, c.ContentStore(), r)
	if err != nil {
		return nil, err
	}
	targets, err := targets(ctx, c, index)
	if err != nil {
		return nil, err
	}
	for name, target := range targets {
		if err := unpack(ctx, c, target); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	digests := map[string]digest.Digest{}
	for name, target := range targets {
		digests[name] = target.Digest
		if err := setName(ctx, c, images.Image{Name: name, Target: target, Labels: pinned}); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return digests, nil
}

// targets returns the images in an archive by the names that the kubelet uses.
func targets(ctx context.Context, c *client.Client, desc ocispec.Descriptor) (map[string]ocispec.Descriptor, error) {
	data, err := content.ReadBlob(ctx, c.ContentStore(), desc)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	found := map[string]ocispec.Descriptor{}
	for _, m := range index.Manifests {
		name := m.Annotations[images.AnnotationImageName]
		if name == "" {
			name = m.Annotations[ocispec.AnnotationRefName]
		}
		if name == "" {
			continue
		}
		ref, err := reference.ParseDockerRef(name)
		if err != nil {
			return nil, fmt.Errorf("image name %q: %w", name, err)
		}
		found[ref.String()] = m
	}
	if len(found) == 0 {
		return nil, errors.New("names no image; give it a name and tag before saving it")
	}
	return found, nil
}

// unpack unpacks and syncs one image's layers and links its parts by labels, so that containerd keeps them as long as
// the image.
func unpack(ctx context.Context, c *client.Client, target ocispec.Descriptor) error {
	cs, here := c.ContentStore(), platforms.Default()
	if err := forHere(ctx, c, target); err != nil {
		return err
	}
	handler := images.SetChildrenLabels(cs, images.FilterPlatforms(images.ChildrenHandler(cs), here))
	if err := images.Walk(ctx, handler, target); err != nil {
		return err
	}
	image := client.NewImage(c, images.Image{Name: target.Digest.String(), Target: target})
	if err := image.Unpack(ctx, snapshotter, client.WithUnpackApplyOpts(diff.WithSyncFs(true))); err != nil {
		return err
	}
	return heal(ctx, c, target) // existing layers may be from before layers were synced
}

// forHere refuses an image for other platforms. An image without a platform is accepted.
func forHere(ctx context.Context, c *client.Client, target ocispec.Descriptor) error {
	have, err := images.Platforms(ctx, c.ContentStore(), target)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range have {
		if p.Architecture == "" || platforms.Default().Match(p) {
			return nil
		}
		names = append(names, platforms.Format(p))
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("for %s, this node is %s", strings.Join(names, ", "), platforms.DefaultString())
}

func setName(ctx context.Context, c *client.Client, image images.Image) error {
	_, err := c.ImageService().Update(ctx, image, "target", "labels")
	if errdefs.IsNotFound(err) {
		_, err = c.ImageService().Create(ctx, image)
	}
	return err
}
