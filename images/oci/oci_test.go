package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/proa-os/proa/images/tree"
)

func image() Image {
	return Image{
		Name: "proa.local/pause:v1", Arch: "arm", Entrypoint: []string{"/pause"}, User: "65535:65535",
		Env: []string{"PATH=/"}, When: time.Unix(1_700_000_000, 500),
		Entries: []tree.Entry{tree.File("pause", 0o755, tree.Bytes([]byte("#!"))), tree.Dir("tmp", 0o777)},
	}
}

func write(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, image()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack extracts the archive into a directory, which go-containerregistry's own reader needs.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	dir := t.TempDir()
	for tr := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayoutIsValid(t *testing.T) {
	index, err := layout.ImageIndexFromPath(unpack(t, write(t)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	d := m.Manifests[0]
	if d.Annotations["io.containerd.image.name"] != "proa.local/pause:v1" || d.Platform.Variant != "v7" {
		t.Errorf("descriptor %+v", d)
	}
	img, err := index.Image(d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Config.Entrypoint[0] != "/pause" || cfg.Config.User != "65535:65535" || cfg.Architecture != "arm" {
		t.Errorf("config %+v", cfg)
	}
}

// A layer with the media type of an uncompressed one must be a plain tar: containerd trusts the media type.
func TestLayerIsWhatItSays(t *testing.T) {
	dir := unpack(t, write(t))
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	l := manifest.Layers[0]
	if l.MediaType != types.OCIUncompressedLayer {
		t.Errorf("media type %s", l.MediaType)
	}
	cfg, err := img.ConfigFile()
	if err != nil || len(cfg.RootFS.DiffIDs) != 1 || cfg.RootFS.DiffIDs[0] != l.Digest {
		t.Errorf("config says %v, %v; the layer is %v", cfg.RootFS, err, l.Digest)
	}
	blob, err := os.ReadFile(filepath.Join(dir, "blobs/sha256", l.Digest.Hex))
	if err != nil {
		t.Fatal(err)
	}
	if hash, size, _ := v1.SHA256(bytes.NewReader(blob)); hash != l.Digest || size != l.Size {
		t.Errorf("blob %v of %d bytes, the manifest says %v of %d", hash, size, l.Digest, l.Size)
	}
	var names []string
	tr := tar.NewReader(bytes.NewReader(blob))
	for h, err := tr.Next(); err == nil; h, err = tr.Next() {
		names = append(names, h.Name)
	}
	if strings.Join(names, " ") != "./ pause tmp/" {
		t.Errorf("layer holds %q", names)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	if !bytes.Equal(write(t), write(t)) {
		t.Error("two runs differ")
	}
}
