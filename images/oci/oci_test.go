package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

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

// unpack makes the directory that go-containerregistry's own reader wants.
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
	if err := validate.Index(index); err != nil {
		t.Error(err)
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

func TestSameInputSameBytes(t *testing.T) {
	if !bytes.Equal(write(t), write(t)) {
		t.Error("two runs differ")
	}
}
