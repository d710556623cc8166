package node

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pinned keeps the kubelet from collecting an image that no registry could give back.
var pinned = map[string]string{"io.cri-containerd.pinned": "pinned", "io.cri-containerd.image": "managed"}

// ImportImages brings every archive of the preload folder and of agent/images into containerd, unpacked and pinned.
// What is already there with the same digest is left alone, so that only the first start after an upgrade pays.
func (n Node) ImportImages(ctx context.Context, progress func(file string)) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, dir := range []string{n.PreloadDir, n.agent("images")} {
		files, err := filepath.Glob(filepath.Join(dir, "*.tar"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := importFile(ctx, c, file, progress); err != nil {
				return fmt.Errorf("import %s: %w", file, err)
			}
		}
	}
	return nil
}

func importFile(ctx context.Context, c *client.Client, path string, progress func(string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if present(ctx, c, f) {
		return nil
	}
	progress(filepath.Base(path))
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	imported, err := c.Import(ctx, f, client.WithImageLabels(pinned))
	if err != nil {
		return err
	}
	for _, image := range imported {
		if err := client.NewImage(c, image).Unpack(ctx, "overlayfs"); err != nil {
			return fmt.Errorf("unpack %s: %w", image.Name, err)
		}
	}
	return nil
}

// present reports whether every image that the archive's index names is in the store, pinned and unpacked.
// Anything unclear means no: importing again is slow but harmless.
func present(ctx context.Context, c *client.Client, archive io.ReadSeeker) bool {
	index, err := readIndex(archive)
	if err != nil {
		return false
	}
	return len(index.Manifests) > 0 && !slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		name := d.Annotations[images.AnnotationImageName]
		if name == "" {
			name = d.Annotations[ocispec.AnnotationRefName]
		}
		image, err := c.GetImage(ctx, name)
		if err != nil || image.Target().Digest != d.Digest || image.Labels()["io.cri-containerd.pinned"] == "" {
			return true
		}
		unpacked, err := image.IsUnpacked(ctx, "overlayfs")
		return err != nil || !unpacked
	})
}

func readIndex(archive io.ReadSeeker) (index ocispec.Index, err error) {
	tr := tar.NewReader(archive)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return index, errors.New("no index.json")
		}
		if err != nil {
			return index, err
		}
		if filepath.Clean(h.Name) == ocispec.ImageIndexFile {
			return index, json.NewDecoder(tr).Decode(&index)
		}
	}
}
