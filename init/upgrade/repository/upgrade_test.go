package repository_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
)

// serve serves a directory; cut says after how many bytes an answer to a path breaks off, negative: never.
func serve(t *testing.T, dir string, cut func(path string) int) *httptest.Server {
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files.ServeHTTP(&cutting{w, cut(r.URL.Path)}, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func whole(string) int { return -1 }

// cutting resets the connection once its bytes are used up.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	if c.left > 0 {
		b = b[:min(len(b), c.left)]
		c.left -= len(b)
	}
	return c.ResponseWriter.Write(b)
}

// TestWays: from a release on a server, in a directory and in a bundle; by patch, by everything that the running slot
// does not have, and by the slot file. Apply verifies the whole slot on the medium.
func TestWays(t *testing.T) {
	h := newHost(t)
	one, two := h.file(first(), "pc"), h.file(next(first(), "v2"), "pc")
	bundle := filepath.Join(h.dir, "v2.tar")
	h.release("both", releasing.Options{}, one)
	both := h.release("both", releasing.Options{Bundle: bundle}, two)
	only := h.release("only", releasing.Options{}, two)
	slots := h.release("slots", releasing.Options{}, two)
	without(h, slots, "full")
	for _, test := range []struct {
		place, kind string
		most        int64 // bytes
	}{
		{serve(t, both, whole).URL, "patch from v1", 60_000},
		{both, "patch from v1", 60_000},
		{bundle, "patch from v1", 60_000},
		{serve(t, only, whole).URL + "/", "full, 4 of 1", 5 << 20},
		{serve(t, slots, whole).URL, "slot file", 20 << 20},
		{two, "slot file", 20 << 20},
	} {
		d := h.flash(first())
		out, err := d.upgrade(t.Context(), test.place, upgrade.Check)
		if err != nil || !strings.HasPrefix(out.Kind, test.kind) || out.Bytes > test.most || out.Choice.Release.Version != "v2" {
			t.Errorf("%s: %+v %v", test.place, out, err)
		}
		out, err = d.upgrade(t.Context(), test.place, upgrade.Apply)
		if err != nil || !out.Trying || out.Bytes > test.most || d.State(t).Try != layout.B {
			t.Errorf("%s: %+v %v", test.place, out, err)
		}
		if m, err := slotwrite.Manifest(d.Target); err != nil || m.Version != "v2" {
			t.Errorf("%s: %s %v", test.place, m.Version, err)
		}
	}
}

// TestWholePieces: contents that end where a piece, a cluster or a block ends are released, and taken by patch and without.
func TestWholePieces(t *testing.T) {
	h := newHost(t)
	one := slot{version: "v1", binary: words(1, 2<<20), file: words(2, 4096), initrd: words(3, 1<<20)}
	two := one
	two.version, two.file, two.initrd = "v2", words(4, 8192), words(5, 3<<17)
	h.release("site", releasing.Options{}, h.file(one, "pc"))
	site := h.release("site", releasing.Options{}, h.file(two, "pc"))
	for _, runs := range []slot{one, first()} {
		d := h.flash(runs)
		out, err := d.upgrade(t.Context(), site, upgrade.Apply)
		if m, merr := slotwrite.Manifest(d.Target); err != nil || merr != nil || !out.Trying || m.Version != "v2" {
			t.Errorf("%+v %v %v", out, err, merr)
		}
	}
}

// TestCheckIsCheap: whoever only looks is sent the index of the payload and nothing of what follows, however often.
func TestCheckIsCheap(t *testing.T) {
	h := newHost(t)
	site := h.release("site", releasing.Options{}, h.file(first(), "pc"))
	var sent atomic.Int64
	files := http.FileServer(http.Dir(site))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".full") {
			w = &counting{w, &sent}
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	old := first()
	old.version, old.binary = "v0", words(5, 1<<20)
	out, err := h.flash(old).upgrade(t.Context(), s.URL, upgrade.Check)
	if err != nil || out.Bytes < 2<<20 || sent.Load() == 0 || sent.Load() > 64<<10 {
		t.Errorf("%d bytes were sent of a plan of %d: %v", sent.Load(), out.Bytes, err)
	}
}

// counting counts the bytes of an answer.
type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// without drops a file from what the metadata lists.
func without(h *host, dir, name string) {
	r, err := tufrepo.Open(dir, h.ring)
	must(h.t, err)
	must(h.t, r.RemoveTarget("pc/v2/"+name))
	must(h.t, r.Publish(h.now))
}

// TestRunningSlotDiffers: what the running slot should have and has not is taken from full.
func TestRunningSlotDiffers(t *testing.T) {
	h := newHost(t)
	h.release("site", releasing.Options{}, h.file(first(), "pc"))
	site := h.release("site", releasing.Options{}, h.file(next(first(), "v2"), "pc"))
	d := h.flash(first())
	flip(t, filepath.Join(d.Dir, "root-a"), 2<<20)
	must(t, os.Remove(filepath.Join(d.Dir, "boot", layout.A.Dir(), "vmlinuz")))
	out, err := d.upgrade(t.Context(), site, upgrade.Apply)
	if err != nil || !out.Trying || out.Kind != "patch from v1" || out.Bytes < 200_000 {
		t.Errorf("%+v %v", out, err)
	}
}

// TestResume: a write whose server breaks off for good goes on later where it was, and fetches only the rest.
func TestResume(t *testing.T) {
	h := newHost(t)
	two := next(first(), "v2")
	two.binary = words(77, 20<<20)
	site := h.release("site", releasing.Options{}, h.file(two, "pc"))
	var broken atomic.Bool
	broken.Store(true)
	s := serve(t, site, func(path string) int {
		if !broken.Load() || !strings.HasSuffix(path, ".full") {
			return -1
		}
		return 7 << 20
	})
	d := h.flash(first())
	s.Config.Handler = onlyOnce(s.Config.Handler, &broken)
	_, err := d.upgrade(t.Context(), s.URL, upgrade.Apply)
	if err == nil || !strings.Contains(err.Error(), "no progress") || !strings.Contains(err.Error(), "slot b is incomplete") {
		t.Fatalf("%v", err)
	}
	broken.Store(false)
	out, err := d.upgrade(t.Context(), s.URL, upgrade.Apply)
	if info, statErr := os.Stat(one(t, site, "targets/pc/v2/*.full")); statErr != nil || err != nil || !out.Trying || out.Bytes > info.Size()-1<<20 {
		t.Errorf("%+v %v: all of it is %d", out, err, info.Size())
	}
}

// onlyOnce lets the first answer that is cut pass, and refuses all others until the server works again.
func onlyOnce(next http.Handler, broken *atomic.Bool) http.Handler {
	var answers atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && strings.HasSuffix(r.URL.Path, ".full") && answers.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func flip(t *testing.T, name string, at int64) {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	if at < 0 {
		at += int64(len(b))
	}
	b[at] ^= 1
	must(t, os.WriteFile(name, b, 0o644))
}

// one returns the only file with a name.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v %v", pattern, list, err)
	}
	return list[0]
}

// newest returns the file of the highest version.
func newest(t *testing.T, dir, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern)) // sorted, and all have as many digits
	if err != nil || len(list) == 0 {
		t.Fatalf("%s: %v %v", pattern, list, err)
	}
	return list[len(list)-1]
}

// TestRefused: each bad release is refused with a message that says why and what to do; the running slot and the boot
// state stay as they were, and the other slot cannot be tried.
func TestRefused(t *testing.T) {
	h := newHost(t)
	h.release("good", releasing.Options{}, h.file(first(), "pc"))
	good := h.release("good", releasing.Options{}, h.file(next(first(), "v2"), "pc"))
	rpi3 := h.release("rpi3", releasing.Options{}, h.file(next(first(), "v2"), "rpi3"))
	other := newHost(t)
	foreign := other.release("site", releasing.Options{}, other.file(next(first(), "v2"), "pc"))
	for _, test := range []struct {
		name, from string
		change     func(dir string, d *device)
		says       string
	}{
		{"other keys", foreign, nil, "not signed by enough keys that this machine knows"},
		{"expired", good, func(_ string, d *device) { d.clock.Now = h.now.AddDate(0, 1, 0) }, "has expired"},
		{"clock not known", good, func(_ string, d *device) { d.clock.Now, d.clock.Known = h.now.AddDate(0, 1, 0), false }, "wait until the clock is synchronised"},
		{"wrong board", rpi3, nil, "this is the board pc (amd64), and there are releases for rpi3"},
		{"wrong layout", good, func(_ string, d *device) { d.machine.Layout = 99 }, "flash the disk again"},
		{"no keys in the image", good, func(_ string, d *device) { d.root = nil }, "install an image that was built with the keys"},
		{"patch truncated", good, func(dir string, _ *device) { cut(t, one(t, dir, "targets/pc/v2/*.patch")) }, "that all of the release was uploaded"},
		{"patch gone", good, func(dir string, _ *device) { must(t, os.Remove(one(t, dir, "targets/pc/v2/*.patch"))) }, "that all of the release was uploaded"},
		{"bit in timestamp", good, func(dir string, _ *device) { flip(t, filepath.Join(dir, "metadata/timestamp.json"), 20) }, "check that the release was signed with the keys"},
		{"bit in snapshot", good, func(dir string, _ *device) { flip(t, newest(t, dir, "metadata/*.snapshot.json"), -40) }, "the release metadata"},
		{"bit in targets", good, func(dir string, _ *device) { flip(t, newest(t, dir, "metadata/*.targets.json"), -40) }, "the release metadata"},
		{"bit in manifest", good, func(dir string, _ *device) { flip(t, one(t, dir, "targets/pc/v2/*.manifest.json"), 40) }, "other bytes than the metadata says"},
		{"bit in index", good, func(dir string, _ *device) { flip(t, one(t, dir, "targets/pc/v2/*.patch"), 50) }, "its index has another sha256"},
		{"bit in frame", good, func(dir string, _ *device) { flip(t, one(t, dir, "targets/pc/v2/*.patch"), -1) }, "a frame has another sha256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, d := filepath.Join(t.TempDir(), "site"), h.flash(first())
			must(t, os.CopyFS(dir, os.DirFS(test.from)))
			if test.change != nil {
				test.change(dir, d)
			}
			refused(t, d, serve(t, dir, whole).URL, test.says)
		})
	}
}

func refused(t *testing.T, d *device, place, says string) {
	t.Helper()
	before, err := os.ReadFile(filepath.Join(d.Dir, "root-a"))
	must(t, err)
	_, err = d.upgrade(t.Context(), place, upgrade.Apply)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("want %q, got %v", says, err)
	}
	t.Log(err)
	if after, _ := os.ReadFile(filepath.Join(d.Dir, "root-a")); !bytes.Equal(before, after) || d.State(t) != (bootstate.State{Good: layout.A}) {
		t.Errorf("the running slot or the boot state was changed: %v", d.State(t))
	}
	if _, err := slotwrite.Try(t.Context(), d.Target); err == nil {
		t.Error("the other slot can be tried")
	}
}

func cut(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	must(t, os.Truncate(name, info.Size()/2))
}

// TestReplayed: older metadata that was once right is refused by a machine that has seen newer.
func TestReplayed(t *testing.T) {
	h := newHost(t)
	old := h.release("old", releasing.Options{}, h.file(next(first(), "v2"), "pc"))
	site := filepath.Join(h.dir, "site")
	must(t, os.CopyFS(site, os.DirFS(old)))
	h.release("site", releasing.Options{}, h.file(next(first(), "v3"), "pc"))
	d := h.flash(first())
	if out, err := d.upgrade(t.Context(), site, upgrade.Check); err != nil || out.Choice.Release.Version != "v3" {
		t.Fatalf("%+v %v", out, err)
	}
	refused(t, d, serve(t, old, whole).URL, "older release metadata than this machine has seen")
}

// TestReleaseTwice: a release that is there stays as it is, signing again needs no slot files, and another one of the
// same version is refused.
func TestReleaseTwice(t *testing.T) {
	h := newHost(t)
	file := h.file(first(), "pc")
	site := h.release("site", releasing.Options{}, file)
	before := one(t, site, "targets/pc/v1/*.full")
	h.release("site", releasing.Options{}, file)
	h.now = h.now.Add(time.Hour)
	h.release("site", releasing.Options{})
	if one(t, site, "targets/pc/v1/*.full") != before {
		t.Error("the payload was made again")
	}
	changed := first()
	changed.file = []byte("another")
	_, err := releasing.Run(t.Context(), releasing.Options{Out: site, Ring: h.ring, Now: h.now, Show: quiet{}}, []string{h.file(changed, "pc")})
	if err == nil || !strings.Contains(err.Error(), "give the new release another version") {
		t.Errorf("%v", err)
	}
	same := h.release("same", releasing.Options{}, h.file(first(), "pc"))
	if filepath.Base(one(t, same, "targets/pc/v1/*.full")) != filepath.Base(before) {
		t.Error("the same slot gives another payload")
	}
}

// TestFloor: a release has at least the sequence of its image, and a machine without journal and metadata takes nothing
// older than the image it was flashed with.
func TestFloor(t *testing.T) {
	h := newHost(t)
	two := next(first(), "v2")
	two.sequence = 1_700_000_000
	site := h.release("site", releasing.Options{}, h.file(two, "pc"))
	d := h.flash(first())
	out, err := d.upgrade(t.Context(), site, upgrade.Check)
	if err != nil || out.Choice.Release.Sequence != two.sequence {
		t.Errorf("%+v %v", out, err)
	}
	d.machine.Sequence = two.sequence + 1
	if _, err := d.upgrade(t.Context(), site, upgrade.Apply); !errors.Is(err, upgrade.ErrOlder) || !strings.Contains(err.Error(), "has sequence 1700000000, this machine had 1700000001") {
		t.Errorf("%v", err)
	}
	_, err = releasing.Run(t.Context(), releasing.Options{Out: filepath.Join(h.dir, "low"), Sequence: 5, Ring: h.ring, Now: h.now, Show: quiet{}}, []string{h.file(two, "pc")})
	if err == nil || !strings.Contains(err.Error(), "--sequence 5 is less than that of the image itself") {
		t.Errorf("%v", err)
	}
}

// TestPatches: a release has patches from the newest older releases only, as many as wanted; what no metadata names is
// removed, and a device without a patch takes full.
func TestPatches(t *testing.T) {
	h := newHost(t)
	small := func(version string) slot {
		return slot{version: version, binary: words(uint64(len(version)), 9000), file: []byte(version), initrd: words(2, 5000)}
	}
	var files []string
	for _, version := range []string{"v1", "v2", "v3", "v4"} {
		files = append(files, h.file(small(version), "pc"))
	}
	of := func(site string, version string) (n int) {
		list, err := filepath.Glob(filepath.Join(site, "targets/pc", version, "*.patch"))
		must(t, err)
		return len(list)
	}
	site := ""
	for i, file := range files {
		site = h.release("site", releasing.Options{}, file)
		if n := of(site, fmt.Sprintf("v%d", i+1)); n != i {
			t.Errorf("v%d has %d patches", i+1, n)
		}
	}
	h.release("site", releasing.Options{Patches: 1}, files[3])
	if n := of(site, "v4"); n != 3 {
		t.Errorf("%d patches of v4: what the metadata before named is gone", n)
	}
	h.release("site", releasing.Options{Patches: 2}, files[2])
	if n, other := of(site, "v4"), of(site, "v3"); n != 1 || other != 2 {
		t.Errorf("%d patches of v4, %d of v3", n, other)
	}
	h.release("none", releasing.Options{Patches: -1}, files[0])
	if none := h.release("none", releasing.Options{Patches: -1}, files[1]); of(none, "v2") != 0 {
		t.Error("a patch that nobody wants")
	}
	for i, kind := range map[int]string{3: "patch from v3", 1: "full"} {
		out, err := h.flash(small(fmt.Sprintf("v%d", i))).upgrade(t.Context(), site, upgrade.Apply)
		if err != nil || !out.Trying || !strings.HasPrefix(out.Kind, kind) {
			t.Errorf("from v%d: %+v %v", i, out, err)
		}
	}
}
