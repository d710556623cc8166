package preload

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"
	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins" // registers what a real containerd consists of
	"github.com/containerd/containerd/v2/cmd/containerd/server"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/log"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const testConfig = `version = 4
root = %q
state = %q
temp = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.monitor.task.v1.cgroups",
  "io.containerd.metrics.v1.grpc-prometheus", "io.containerd.metrics.v1.grpc-otel"]
required_plugins = ["io.containerd.snapshotter.v1.overlayfs"]
[plugins.'io.containerd.server.v1.grpc']
  address = %q
[plugins.'io.containerd.server.v1.ttrpc']
  address = %q
[plugins.'io.containerd.snapshotter.v1.overlayfs']
  upperdir_label = true
`

// bench is a node: a real containerd, and two directories.
type bench struct {
	t *testing.T
	p *Preload
	c *client.Client

	mu       sync.Mutex
	problems map[string]string
	imported []string
}

func (b *bench) Problem(key, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems[key] = line
}

func (b *bench) Solved(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.problems, key)
}

// told returns the problem that names a file, or "".
func (b *bench) told(file string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.problems {
		if strings.Contains(line, file) {
			return line
		}
	}
	return ""
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("containerd unpacks layers as root only")
	}
	t.Setenv("TMPDIR", os.TempDir()) // containerd sets it
	dir := t.TempDir()
	_ = log.SetLevel("error")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	socket := filepath.Join(dir, "c.sock")
	path := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf(testConfig, dir+"/root", dir+"/state", dir+"/tmp", socket, socket+".ttrpc")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{}
	if err := config.LoadConfig(ctx, path, cfg); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateTopLevelDirectories(cfg); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	if err := srv.Start(ctx); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, problems: map[string]string{}}
	dial := func() (*client.Client, error) {
		return client.New(socket, client.WithDefaultNamespace("k8s.io"), client.WithTimeout(10*time.Second))
	}
	b.p = &Preload{
		Packaged: filepath.Join(dir, "packaged"), User: filepath.Join(dir, "user"), State: filepath.Join(dir, "images.json"),
		Client: dial, Report: b, Progress: func(f string) { b.imported = append(b.imported, f) },
		Pull: func(_ context.Context, name string) error { return fmt.Errorf("no route to %s", name) },
	}
	for _, d := range []string{b.p.Packaged, b.p.User} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if b.c, err = dial(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.c.Close() })
	return b
}

// start starts the node up to ready, with the state of an earlier start.
func (b *bench) start() {
	b.t.Helper()
	b.imported = nil
	if err := b.p.start(context.Background(), b.c); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) has(name string) bool {
	image, err := b.c.GetImage(context.Background(), name)
	if err != nil {
		return false
	}
	unpacked, err := image.IsUnpacked(context.Background(), snapshotter)
	return err == nil && unpacked && image.Labels()[pin] != ""
}

func (b *bench) put(dir, name string, data []byte) string {
	b.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// image returns an image with layers, each with files by path.
func image(t *testing.T, arch string, layers ...map[string]string) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for path, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte(text))
		}
		w.Close()
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

// docker returns an archive in the format of `docker save`.
func docker(t *testing.T, ref string, img v1.Image) []byte {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := tarball.Write(tag, img, &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// oci returns an archive with an OCI layout.
func oci(t *testing.T, ref string, img v1.Image) []byte {
	t.Helper()
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	note := map[string]string{}
	if ref != "" {
		note[images.AnnotationImageName] = ref
	}
	if err := l.AppendImage(img, layout.WithAnnotations(note)); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return buf.Bytes()
}

func packed(t *testing.T, data []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := open(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return buf.Bytes()
}
