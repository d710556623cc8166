package preload

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

const proa = "proa.local/pause:1"

func (b *bench) layers(name string) []layer {
	b.t.Helper()
	image, err := b.c.GetImage(context.Background(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	layers, err := layersOf(context.Background(), b.c, image.Target())
	if err != nil {
		b.t.Fatal(err)
	}
	return layers
}

// cut changes the unpacked layers of an image as a power cut does if files were never synced.
func (b *bench) cut(name string) (files []string) {
	b.t.Helper()
	for _, l := range b.layers(name) {
		err := filepath.Walk(l.dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				files = append(files, path)
				return os.Truncate(path, 0)
			}
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return files
}

func (b *bench) wholeAgain(files []string) {
	b.t.Helper()
	for _, path := range files {
		if data, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(data), "content") {
			b.t.Errorf("%s: %q, %v", path, data, err)
		}
	}
}

// TestEmptyFilesHeal: containerd considers the image unpacked, but its files are empty. The old import checked the
// metadata only.
func TestEmptyFilesHeal(t *testing.T) {
	b := newBench(t)
	img := image(t, runtime.GOARCH, map[string]string{"bin/pause": "content 1", "lib": "content 2"},
		map[string]string{"lib": "content, newer", ".wh.gone": ""})
	b.put(b.p.Packaged, "pause.tar", oci(t, proa, img))
	b.start()
	files := b.cut(proa)
	if len(files) != 3 {
		t.Fatalf("files %q", files)
	}
	b.start()
	b.wholeAgain(files)
	if !b.has(proa) || len(b.problems) > 0 {
		t.Errorf("problems %q", b.problems)
	}
	if b.start(); len(b.imported) > 0 {
		t.Errorf("imported again: %q", b.imported)
	}
}

// TestOldNodeHeals: there is no record of what was synced. An upgrade has another archive with the same layers, and
// pulled images have none.
func TestOldNodeHeals(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	path := b.put(b.p.User, "pulled.tar", docker(t, "example.org/pulled:1", image(t, runtime.GOARCH, map[string]string{"app": "content"})))
	b.put(b.p.Packaged, "pause.tar", oci(t, proa, image(t, runtime.GOARCH, map[string]string{"pause": "content"})))
	b.start()
	files := append(b.cut(proa), b.cut("example.org/pulled:1")...)
	for _, f := range []string{b.p.State, path} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.p.verifyOnce(ctx, b.c)
	b.wholeAgain(files)
	if !load(b.p.State).Verified {
		t.Error("every start would look at every image")
	}
}

// TestImportThatWasCut: an interrupted import leaves no image name, and does not affect the next import.
func TestImportThatWasCut(t *testing.T) {
	b := newBench(t)
	img := image(t, runtime.GOARCH, map[string]string{"pause": "content"})
	b.put(b.p.Packaged, "pause.tar", oci(t, proa, img))
	b.start()
	// As after a power cut between unpacking and saving the state: the metadata is there, file contents and state are
	// not.
	files := b.cut(proa)
	if err := os.Remove(b.p.State); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.wholeAgain(files)
}

// TestLeftoversAreRemoved: layers that an interrupted import was unpacking do not stay until its lease expires.
func TestLeftoversAreRemoved(t *testing.T) {
	b := newBench(t)
	path := b.put(b.p.Packaged, "pause.tar", oci(t, proa, image(t, runtime.GOARCH, map[string]string{"pause": "content"})))
	ctx, _, err := leased(context.Background(), b.c, path) // never done
	if err != nil {
		t.Fatal(err)
	}
	const half = "extract-half"
	snapshots := b.c.SnapshotService(snapshotter)
	if _, err := snapshots.Prepare(ctx, half, ""); err != nil {
		t.Fatal(err)
	}
	b.start()
	if _, err := snapshots.Stat(context.Background(), half); !errdefs.IsNotFound(err) {
		t.Errorf("still there: %v", err)
	}
	if !b.has(proa) {
		t.Error("not imported")
	}
}

// TestUnpin: images of an earlier version may be garbage collected, but not before those of this version are imported.
func TestUnpin(t *testing.T) {
	b := newBench(t)
	old, now := "proa.local/dns:1", "proa.local/dns:2"
	path := b.put(b.p.Packaged, "dns.tar", oci(t, old, image(t, runtime.GOARCH, map[string]string{"dns": "content 1"})))
	b.start()
	whole, _ := os.ReadFile(path)
	b.put(b.p.Packaged, "dns.tar", oci(t, now, image(t, runtime.GOARCH, map[string]string{"dns": "content 2"}))[:3000])
	b.start()
	if !b.has(old) || b.told("dns.tar") == "" {
		t.Errorf("unpinned with nothing in its place; told %q", b.told("dns.tar"))
	}
	b.put(b.p.Packaged, "dns.tar", oci(t, now, image(t, runtime.GOARCH, map[string]string{"dns": "content 2"})))
	b.start()
	if b.has(old) || !b.has(now) {
		t.Errorf("old %v, new %v", b.has(old), b.has(now))
	}
	b.put(b.p.Packaged, "dns.tar", whole)
	if b.start(); !b.has(old) {
		t.Error("after a fall-back the old one is not pinned again")
	}
}

// TestLists: images in a list are pulled and pinned; failures are reported.
func TestLists(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	b.put(b.p.User, "img.tar", docker(t, "example.org/a:1", image(t, runtime.GOARCH, map[string]string{"a": "content"})))
	b.start()
	source, err := b.c.GetImage(ctx, "example.org/a:1")
	if err != nil {
		t.Fatal(err)
	}
	b.p.Pull = func(_ context.Context, name string) error {
		if name != "docker.io/library/box:1" {
			return os.ErrDeadlineExceeded
		}
		_, err := b.c.ImageService().Create(ctx, images.Image{Name: name, Target: source.Target()})
		return err
	}
	if err := b.p.pullList(ctx, b.c, []string{"example.org/absent:1", "docker.io/library/box:1"}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("absent: %v", err)
	}
	b.put(b.p.User, "names.txt", []byte("# mine\nbox:1\n"))
	b.start()
	if !b.has("docker.io/library/box:1") {
		t.Error("box is not pinned")
	}
	var _ client.Image = source
}
