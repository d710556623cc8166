// Package oci writes container images with one layer as an OCI layout in a tar archive, which containerd imports with
// its name. The layer is not compressed: importing is quicker so, and the root image that contains it can be
// compressed.
package oci

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/proa-os/proa/images/tree"
)

// Image is one container image.
type Image struct {
	Name       string // with tag: "proa.local/coredns:v1.13.1"
	Arch       string // GOARCH; "arm" is ARMv7
	Entrypoint []string
	Cmd        []string
	Env        []string
	User       string
	WorkingDir string
	Labels     map[string]string
	Entries    []tree.Entry
	When       time.Time
}

// Write writes the archive.
func Write(w io.Writer, img Image) error {
	layer, err := newLayer(img.Entries, img.When)
	if err != nil {
		return fmt.Errorf("oci %s: %w", img.Name, err)
	}
	built, err := build(img, layer)
	if err != nil {
		return fmt.Errorf("oci %s: %w", img.Name, err)
	}
	if err := writeLayout(w, img, built, layer); err != nil {
		return fmt.Errorf("oci %s: %w", img.Name, err)
	}
	return nil
}

func build(img Image, layer v1.Layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	base, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: "linux", Architecture: img.Arch, Variant: variant(img.Arch), Created: v1.Time{Time: img.When.UTC()},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: img.Entrypoint, Cmd: img.Cmd, Env: img.Env, User: img.User,
			WorkingDir: img.WorkingDir, Labels: img.Labels,
		},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(base, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: img.When.UTC()}, CreatedBy: "proa"},
	})
}

func variant(arch string) string {
	if arch == "arm" {
		return "v7"
	}
	return ""
}

func writeLayout(w io.Writer, img Image, built v1.Image, layer v1.Layer) error {
	manifest, err := built.RawManifest()
	if err != nil {
		return err
	}
	config, err := built.RawConfigFile()
	if err != nil {
		return err
	}
	index, err := indexOf(img, manifest)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", index},
		{blobName(manifest), manifest},
		{blobName(config), config},
	} {
		if err := put(tw, f.name, int64(len(f.data)), bytes.NewReader(f.data), img.When); err != nil {
			return err
		}
	}
	if err := putLayer(tw, layer, img.When); err != nil {
		return err
	}
	return tw.Close()
}

// indexOf returns the index, in which two annotations name the image: containerd reads the first one, other tools the
// second.
func indexOf(img Image, manifest []byte) ([]byte, error) {
	hash, size, err := v1.SHA256(bytes.NewReader(manifest))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType: types.OCIManifestSchema1, Size: size, Digest: hash,
			Platform: &v1.Platform{OS: "linux", Architecture: img.Arch, Variant: variant(img.Arch)},
			Annotations: map[string]string{
				"io.containerd.image.name":          img.Name,
				"org.opencontainers.image.ref.name": img.Name,
			},
		}},
	})
}

func blobName(data []byte) string {
	hash, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		panic("BUG: hashing bytes in memory: " + err.Error())
	}
	return "blobs/sha256/" + hash.Hex
}

func putLayer(tw *tar.Writer, layer v1.Layer, when time.Time) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	r, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	return put(tw, "blobs/sha256/"+digest.Hex, size, r, when)
}

func put(tw *tar.Writer, name string, size int64, r io.Reader, when time.Time) error {
	h := &tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: when.Truncate(time.Second), Format: tar.FormatPAX}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(tw, r)
	return err
}
