package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/upgrade/peers/lan"
	"github.com/proa-os/proa/init/upgrade/peers/question"
	"github.com/proa-os/proa/init/upgrade/peers/share"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine is one whose slot a runs, as files; slot b is empty.
type machine struct {
	*Server
	t    *testing.T
	dir  string
	busy bool
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, dir: t.TempDir()}
	m.Server = &Server{Say: func(string) {}, busy: make(chan struct{}, most), Slots: &Slots{Current: layout.A, Other: layout.B, Note: filepath.Join(m.dir, "note"),
		Busy:    func() bool { return m.busy },
		Devices: map[layout.Slot]string{layout.A: filepath.Join(m.dir, "root-a"), layout.B: filepath.Join(m.dir, "root-b")},
		Files:   func(of layout.Slot, do func(string) error) error { return do(filepath.Join(m.dir, string(of))) }}}
	return m
}

// kernel and script are boot files of a version.
func kernel(version string) []byte { return bytes.Repeat([]byte("kernel "+version), 100_000) }

func script(version string) []byte { return []byte("script " + version) }

// fill writes a slot, and returns its manifest and its image.
func (m *machine) fill(of layout.Slot, version string) (slotfile.Manifest, []byte) {
	m.t.Helper()
	image := bytes.Repeat([]byte(version+" root image of it\n"), 64<<10)[:1<<20]
	root := bytes.NewBuffer(bytes.Clone(image))
	hash, err := verity.Write(root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	must(m.t, err)
	dir := filepath.Join(m.dir, string(of))
	must(m.t, errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(m.Slots.Devices[of], root.Bytes(), 0o600), os.WriteFile(filepath.Join(dir, "vmlinuz"), kernel(version), 0o600)))
	is, err := slotfile.NewManifest(slotfile.Contents{Board: "pc", Version: version, Cmdline: "quiet", Image: int64(len(image)), Hash: hex.EncodeToString(hash), Sign: testkey.Sign, Root: tree.Bytes(root.Bytes()),
		Files: []tree.Entry{tree.File("boot/vmlinuz", 0o600, tree.Bytes(kernel(version))), tree.File("boot/initrd", 0o600, tree.Bytes(kernel(version))),
			tree.File("boot-a/grub.cfg", 0o600, tree.Bytes(script(version))), tree.File("boot-b/grub.cfg", 0o600, tree.Bytes(script(version)))}})
	must(m.t, err)
	return is, image
}

func (m *machine) finish(of layout.Slot, is slotfile.Manifest) {
	text, err := is.Encode()
	must(m.t, err)
	must(m.t, os.WriteFile(filepath.Join(m.dir, string(of), slotfile.ManifestName), text, 0o600))
}

func (m *machine) get(sum, span string) (int, []byte) {
	r := httptest.NewRequest(http.MethodGet, Path+sum, nil)
	if span != "" {
		r.Header.Set("Range", "bytes="+span)
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Body)
	return w.Code, b
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestGive: files of the running slot by their sums, in ranges, and nothing else.
func TestGive(t *testing.T) {
	m := newMachine(t)
	is, image := m.fill(layout.A, "v1")
	m.finish(layout.A, is)
	root := is.Files[len(is.Files)-1].SHA256
	for _, c := range []struct {
		sum, span string
		code      int
		want      []byte
	}{
		{sumOf(kernel("v1")), "", 200, kernel("v1")},
		{sumOf(kernel("v1")), "300000-700000", 206, kernel("v1")[300000:700001]},
		{root, "0-1048575", 206, image},
		{root, "1000000-1048575", 206, image[1000000:]},
		{root, "1048576-1048577", 416, nil},      // the hash tree
		{root, "", 416, nil},                     // not all of it
		{root, "0-1,5-6", 416, nil},              // several
		{sumOf([]byte("x")), "0-1", 404, nil},    // another
		{sumOf(script("v1")), "", 404, nil},      // it is not there
		{"../../../../etc/passwd", "", 400, nil}, //
		{"ABCDEF" + root[6:], "0-1", 400, nil},   //
		{root + "00", "0-1", 400, nil},           //
		{sumOf(kernel("v1")), "5-", 206, kernel("v1")[5:]},
	} {
		code, got := m.get(c.sum, c.span)
		if code != c.code || c.want != nil && !bytes.Equal(got, c.want) {
			t.Errorf("%s %s: %d, %d bytes; want %d, %d bytes", c.sum, c.span, code, len(got), c.code, len(c.want))
		}
	}
	for range most {
		m.Server.busy <- struct{}{}
	}
	if code, _ := m.get(root, "0-1"); code != 503 {
		t.Errorf("one more than at once: %d", code)
	}
}

// TestWhileWritten: of the other slot it gives what the writer says is on the medium, nothing of a writer that is gone or
// has not said what it writes, and all of it once it is complete.
func TestWhileWritten(t *testing.T) {
	m := newMachine(t)
	is, image := m.fill(layout.B, "v2")
	text, err := is.Encode()
	must(t, err)
	manifest, root := sha256.Sum256(text), is.Files[len(is.Files)-1].SHA256
	look := func(when string, state question.State, boot bool, have int64) {
		t.Helper()
		a, ok := m.Slots.answer(manifest)
		if ok != (state != 0) || a.State != state || a.Boot != boot || a.Root != have {
			t.Errorf("%s: %v %+v", when, ok, a)
		}
	}
	look("empty", 0, false, 0)
	must(t, share.Write(m.Slots.Note, share.Note{Manifest: string(text), State: question.Fetching, Boot: true, Root: 300_000, Moved: 5}))
	look("the writer is gone", 0, false, 0)
	m.busy = true
	look("written", question.Fetching, true, 300_000)
	if code, b := m.get(root, "0-299999"); code != 206 || !bytes.Equal(b, image[:300_000]) {
		t.Errorf("what is there: %d, %d bytes", code, len(b))
	}
	if code, _ := m.get(root, "300000-300001"); code != 416 {
		t.Errorf("what is not there yet: %d", code)
	}
	must(t, share.Remove(m.Slots.Note))
	if code, _ := m.get(root, "0-1"); code != 503 {
		t.Errorf("between: %d", code)
	}
	look("between", 0, false, 0)
	m.busy = false
	m.finish(layout.B, is)
	m.Slots.held = nil // what was looked for before counts for a while
	look("complete", question.Has, true, int64(len(image)))
	if code, b := m.get(root, "0-1048575"); code != 206 || !bytes.Equal(b, image) {
		t.Errorf("complete: %d, %d bytes", code, len(b))
	}
	m.busy = true
	look("written anew", 0, false, 0)
}

// TestOnlyNear: connections from elsewhere are closed, and so are those beyond the limit.
func TestOnlyNear(t *testing.T) {
	n := &nets{}
	n.set([]lan.Net{{Name: "eth0", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.5/24"), netip.MustParsePrefix("fe80::5/64")}}})
	for a, want := range map[string]bool{"10.9.0.77": true, "::ffff:10.9.0.77": true, "10.9.1.77": false, "127.0.0.1": false, "fe80::1%eth0": true, "fe80::1%eth1": false, "2001:db8::1": false} {
		if n.near(netip.MustParseAddr(a)) != want {
			t.Errorf("%s: near %v", a, !want)
		}
	}
}

// TestRate: no more questions are looked at in a second than perSecond.
func TestRate(t *testing.T) {
	var r rate
	now, n := time.Now(), 0
	for range 10 * perSecond {
		if r.allow(now) {
			n++
		}
	}
	if n != perSecond || !r.allow(now.Add(time.Second)) {
		t.Errorf("%d", n)
	}
}

// TestRunEnds: the service ends with its context.
func TestRunEnds(t *testing.T) {
	m := newMachine(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	m.Run(ctx)
}
