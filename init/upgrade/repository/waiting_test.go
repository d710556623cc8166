package repository_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/layout"
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

	h.release("site", releasing.Options{}, h.file(three, "pc"))
	if out := look(upgrade.Fetch, "a newer one", true); out.Choice.Release.Version != "v3" || out.Entry != 2 {
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
