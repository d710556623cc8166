package repository_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// asked is a server that remembers the paths that it was asked for.
type asked struct {
	sync.Mutex
	paths []string
	url   string
}

func askable(t *testing.T, dir string) *asked {
	a := &asked{}
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Lock()
		a.paths = append(a.paths, r.URL.Path)
		a.Unlock()
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

// since returns the paths of releases that were asked for since it was called last.
func (a *asked) since() (targets []string) {
	a.Lock()
	defer a.Unlock()
	for _, p := range a.paths {
		if strings.HasPrefix(p, "/targets/") {
			targets = append(targets, p)
		}
	}
	a.paths = nil
	return targets
}

// TestWaiting: a release that waits in the other slot is known by the metadata, and nothing but that is asked for at a look
// or for its trial. If the slot is not what the journal says, that is said, and the slot is written again.
func TestWaiting(t *testing.T) {
	h := newHost(t)
	small := slot{version: "v1", binary: words(1, 9000), file: []byte("1"), initrd: words(2, 5000)}
	two, three := small, small
	two.version, two.file, three.version, three.file = "v2", []byte("2"), "v3", []byte("3")
	h.release("site", releasing.Options{}, h.file(small, "pc"))
	site := h.release("site", releasing.Options{}, h.file(two, "pc"))
	s, d := askable(t, site), h.flash(small)
	look := func(until upgrade.Until, what string, asks bool) upgrade.Outcome {
		t.Helper()
		d.said = nil
		out, err := d.upgrade(t.Context(), s.url, until)
		if targets := s.since(); err != nil || (len(targets) > 0) != asks || out.Written != (until != upgrade.Check || !asks) {
			t.Fatalf("%s: %+v %v; asked for %q", what, out, err, targets)
		}
		return out
	}
	look(upgrade.Fetch, "the first look", true)
	before, err := os.ReadFile(filepath.Join(d.Dir, "journal.json"))
	must(t, err)
	look(upgrade.Fetch, "the next look", false)
	look(upgrade.Check, "a check", false)
	if after, _ := os.ReadFile(filepath.Join(d.Dir, "journal.json")); string(after) != string(before) {
		t.Errorf("looks have changed the journal:\n%s", after)
	}

	must(t, os.WriteFile(filepath.Join(d.Dir, "boot", layout.B.Dir(), "vmlinuz"), []byte("another"), 0o600))
	out := look(upgrade.Fetch, "damaged", true)
	if !slices.ContainsFunc(d.said, func(l string) bool { return strings.Contains(l, "slot b does not hold v2 any more") }) || out.Entry != 1 {
		t.Errorf("%+v %q", out, d.said)
	}
	look(upgrade.Fetch, "repaired", false)

	root, err := os.OpenFile(filepath.Join(d.Dir, "root-b"), os.O_RDWR, 0)
	must(t, err)
	_, err = root.WriteAt([]byte("worn out"), 8192)
	must(t, errors.Join(err, root.Close()))
	look(upgrade.Fetch, "damaged where no look reads", false)
	if out, err := d.upgrade(t.Context(), s.url, upgrade.Apply); err == nil || !strings.Contains(err.Error(), "checksum mismatch") || out.Trying {
		t.Fatalf("the trial of a damaged slot: %+v, %v", out, err)
	}
	s.since()
	look(upgrade.Fetch, "after that", true)

	h.release("site", releasing.Options{}, h.file(three, "pc"))
	if out := look(upgrade.Fetch, "a newer one", true); out.Choice.Release.Version != "v3" || out.Entry != 3 {
		t.Errorf("%+v", out)
	}
	must(t, os.RemoveAll(filepath.Join(site, "targets")))
	if out := look(upgrade.Apply, "its trial", false); !out.Trying || d.State(t).Try != layout.B {
		t.Errorf("%+v", out)
	}
	j, err := journal.Read(filepath.Join(d.Dir, "journal.json"))
	if e := j.Open(); err != nil || e == nil || e.State != journal.Trying || !strings.HasPrefix(e.Kind, "patch") || e.Bytes == 0 {
		t.Errorf("%+v %v", e, err)
	}
}

// TestPassedOver: a newer release that this machine cannot take is said, with the reason and what to do: to whoever asks each
// time, by schedule once. The one that fits is taken.
func TestPassedOver(t *testing.T) {
	h := newHost(t)
	small := slot{version: "v1", binary: words(1, 9000), file: []byte("1"), initrd: words(2, 5000)}
	two, three := small, small
	two.version, two.file, three.version, three.file = "v2", []byte("2"), "v3", []byte("3")
	h.release("site", releasing.Options{}, h.file(two, "pc"))
	site := h.release("site", releasing.Options{}, h.file(three, "pc"))
	d := h.flash(small)
	says := func(auto bool, times int, text string) {
		t.Helper()
		d.said, d.auto = nil, auto
		out, err := d.upgrade(t.Context(), site, upgrade.Check)
		if n := strings.Count(strings.Join(d.said, "\n"), "v3 is newer, and not for this machine: "+text); err != nil || out.Choice.Release.Version != "v2" || n != times {
			t.Errorf("%+v %v; said %q", out.Choice, err, d.said)
		}
	}
	change(h, site, func(r *releasemeta.Release) { r.Layout++ })
	says(true, 1, "it needs disk layout 2, this disk has layout 1; a release that moves partitions (migrates: [1]) must be taken first, or flash the disk again")
	says(true, 0, "")
	says(false, 1, "it needs disk layout 2")
	change(h, site, func(r *releasemeta.Release) { r.Arch = "arm64" })
	says(true, 1, "it is for arm64, this machine is amd64")
	says(true, 0, "")
}

// change changes what the metadata says of v3.
func change(h *host, site string, change func(*releasemeta.Release)) {
	h.t.Helper()
	r, err := tufrepo.Open(site, h.ring)
	must(h.t, err)
	path := releasemeta.Path("pc", "v3", releasemeta.ManifestName)
	for _, l := range r.Targets() {
		if l.Path == path {
			is, err := releasemeta.ParseRelease(l.Custom)
			must(h.t, err)
			change(&is)
			must(h.t, r.RemoveTarget(path))
			_, err = r.AddTarget(path, l.Length, l.SHA256, is)
			must(h.t, err)
		}
	}
	must(h.t, r.Publish(h.now))
}
