package e2e

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/releasemeta"
)

// goodRelease is a release of the machine's slot and a newer one.
type goodRelease struct {
	release
	targets []tufrepo.Listed
}

// release is a directory that is served, one with the metadata before it was signed again, and one with the metadata
// before it was spoiled; empty: it was not.
type release struct{ dir, before, clean string }

func newGoodRelease(t *testing.T, m *machine) *goodRelease {
	t.Helper()
	old := m.slot()
	g := &goodRelease{release: release{dir: released(t, m.spec.Dir, releasing.Options{}, old, newer(t, old, "v1.1.0")), before: filepath.Join(m.spec.Dir, "before")}}
	link(t, g.before, g.dir)
	r := g.repo(t)
	g.targets = r.Targets()
	must(t, r.Publish(time.Now()))
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// link makes a copy of a directory by links; whoever changes a file replaces it.
func link(t *testing.T, to, from string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(from, path)
		switch err = errors.Join(err, relErr); {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		return os.Link(path, filepath.Join(to, name))
	}))
}

// copy returns a copy of the good release.
func (g *goodRelease) copy(t *testing.T) *release {
	t.Helper()
	r := &release{dir: filepath.Join(t.TempDir(), "site"), before: g.before}
	link(t, r.dir, g.dir)
	return r
}

// goOn makes the good release newer than another one.
func (g *goodRelease) goOn(t *testing.T, than *release) {
	t.Helper()
	metadata := filepath.Join(g.dir, tufrepo.MetadataDir)
	must(t, os.RemoveAll(metadata))
	link(t, metadata, cmp.Or(than.clean, filepath.Join(than.dir, tufrepo.MetadataDir)))
	r := g.repo(t)
	for _, l := range r.Targets() {
		must(t, r.RemoveTarget(l.Path))
	}
	for _, l := range g.targets {
		_, err := r.AddTarget(l.Path, l.Length, l.SHA256, json.RawMessage(l.Custom))
		must(t, err)
	}
	must(t, r.Publish(time.Now()))
}

func (r *release) repo(t *testing.T) *tufrepo.Repo {
	t.Helper()
	repo, err := tufrepo.Open(r.dir, ring(t))
	must(t, err)
	return repo
}

// renewed publishes targets that the machine has not seen yet.
func renewed(t *testing.T, r *release) {
	repo := r.repo(t)
	for _, l := range repo.Targets() {
		if strings.HasSuffix(l.Path, "/"+releasemeta.SlotName) {
			must(t, repo.RemoveTarget(l.Path))
		}
	}
	must(t, repo.Publish(time.Now()))
	r.clean = t.TempDir()
	link(t, r.clean, filepath.Join(r.dir, tufrepo.MetadataDir))
}

// edit changes every file whose name ends so.
func edit(end string, change func([]byte) []byte) func(*testing.T, *release) {
	return func(t *testing.T, r *release) {
		n := 0
		must(t, filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, end) {
				return err
			}
			n++
			b, err := os.ReadFile(path)
			return errors.Join(err, os.Remove(path), os.WriteFile(path, change(b), 0o644))
		}))
		if n == 0 {
			t.Fatalf("there is no file *%s", end)
		}
	}
}

// without removes targets from the release and its metadata.
func without(end string) func(*testing.T, *release) {
	return func(t *testing.T, r *release) {
		repo := r.repo(t)
		for _, l := range repo.Targets() {
			if strings.HasSuffix(l.Path, end) {
				must(t, repo.RemoveTarget(l.Path))
			}
		}
		must(t, repo.Publish(time.Now()))
	}
}

func both(a, b func(*testing.T, *release)) func(*testing.T, *release) {
	return func(t *testing.T, r *release) { a(t, r); b(t, r) }
}

func half(b []byte) []byte { return b[:len(b)/2] }

// flipAt flips a bit; a negative place is from the end.
func flipAt(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

func flip(b []byte) []byte { return flipAt(len(b) / 2)(b) }

// flipMany flips a bit in each block behind the first MiB, which has the index: of most pieces the machine has the content.
func flipMany(b []byte) []byte {
	b = bytes.Clone(b)
	for at := 1 << 20; at < len(b); at += 4096 {
		b[at] ^= 1
	}
	return b
}

var signature = regexp.MustCompile(`"sig": *"[0-9a-f]`)

// spoilSignature changes a digit of the first signature.
func spoilSignature(b []byte) []byte {
	at := signature.FindIndex(b)[1] - 1
	b = bytes.Clone(b)
	if b[at]++; b[at] > 'f' || b[at] == '9'+1 {
		b[at] = '1'
	}
	return b
}

// foreign signs the same release with keys that the machine does not know.
func foreign(t *testing.T, r *release) {
	dir := t.TempDir()
	other, err := keys.Init(filepath.Join(dir, "keys"), false, keys.Access{})
	must(t, err)
	all := r.repo(t).Targets()
	must(t, os.RemoveAll(filepath.Join(r.dir, tufrepo.MetadataDir)))
	repo, err := tufrepo.Open(r.dir, other)
	must(t, err)
	for _, l := range all {
		_, err := repo.AddTarget(l.Path, l.Length, l.SHA256, json.RawMessage(l.Custom))
		must(t, err)
	}
	must(t, repo.Publish(time.Now()))
}

// replay serves the metadata from before.
func replay(t *testing.T, r *release) {
	metadata := filepath.Join(r.dir, tufrepo.MetadataDir)
	must(t, os.RemoveAll(metadata))
	link(t, metadata, filepath.Join(r.before, tufrepo.MetadataDir))
}

// mix serves targets of an older release under the name of the newer one.
func mix(t *testing.T, r *release) {
	files, err := filepath.Glob(filepath.Join(r.dir, tufrepo.MetadataDir, "*.targets.json"))
	must(t, err)
	if slices.Sort(files); len(files) < 2 {
		t.Fatalf("%q", files)
	}
	old, err := os.ReadFile(files[0])
	must(t, errors.Join(err, os.Remove(files[len(files)-1]), os.WriteFile(files[len(files)-1], old, 0o644)))
}

// only has a release for another machine, and nothing else.
func only(custom releasemeta.Release) func(*testing.T, *release) {
	return func(t *testing.T, r *release) {
		repo := r.repo(t)
		for _, l := range repo.Targets() {
			must(t, repo.RemoveTarget(l.Path))
		}
		sum := sha256.Sum256([]byte("manifest"))
		_, err := repo.AddTarget(releasemeta.Path(custom.Board, custom.Version, releasemeta.ManifestName), 8, hex.EncodeToString(sum[:]), custom)
		must(t, errors.Join(err, repo.Publish(time.Now())))
	}
}

// signedAt signs the release as it was done some days before or after today.
func signedAt(days int) func(*testing.T, *release) {
	return func(t *testing.T, r *release) { must(t, r.repo(t).Publish(time.Now().AddDate(0, 0, days))) }
}

// belowThreshold lets two keys sign the targets, as a new root says, and removes one of the signatures.
func belowThreshold(t *testing.T, r *release) {
	dir := filepath.Join(t.TempDir(), "keys")
	must(t, os.CopyFS(dir, os.DirFS(ring(t).Dir)))
	two, err := keys.Load(dir, keys.Access{})
	must(t, err)
	must(t, two.Split(string(keys.Targets), 2, 2))
	repo, err := tufrepo.Open(r.dir, two)
	must(t, err)
	must(t, repo.Publish(time.Now()))
	edit("targets.json", func(b []byte) []byte {
		var signed map[string]json.RawMessage
		var all []json.RawMessage
		must(t, errors.Join(json.Unmarshal(b, &signed), json.Unmarshal(signed["signatures"], &all)))
		one, err := json.Marshal(all[:1])
		must(t, err)
		signed["signatures"] = one
		b, err = json.Marshal(signed)
		must(t, err)
		return b
	})(t, r)
}
