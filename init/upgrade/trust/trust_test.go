package trust

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/releasemeta"
)

var begin = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return begin.AddDate(0, 0, n) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a real repository behind a real web server.
type server struct {
	t       *testing.T
	dir     string
	ring    *keys.Ring
	client  *Client
	handle  http.HandlerFunc // instead of the files; nil: none
	release int64
}

func serve(t *testing.T) *server {
	t.Helper()
	ring, err := keys.Init(filepath.Join(t.TempDir(), "keys"), false, keys.Access{})
	must(t, err)
	s := &server{t: t, dir: t.TempDir(), ring: ring}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.handle != nil {
			s.handle(w, r)
			return
		}
		http.FileServer(http.Dir(s.dir)).ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.publish(begin)
	roots, err := tufrepo.Roots(ring.Dir)
	must(t, err)
	s.client = &Client{Dir: filepath.Join(t.TempDir(), "state"), Root: roots[0], Metadata: web.URL + "/metadata", Targets: web.URL + "/targets", Fetch: get,
		Clock: Clock{Now: begin, Known: true, Built: days(-1)}}
	return s
}

func get(ctx context.Context, url string, limit int64) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	return b, res.StatusCode, err
}

// publish publishes one more release.
func (s *server) publish(now time.Time) {
	s.t.Helper()
	s.release++
	s.publishAs(now, releasemeta.Release{Board: "pc", Arch: "amd64", Layout: 3, Version: fmt.Sprintf("v%d", s.release), Sequence: s.release})
}

func (s *server) publishAs(now time.Time, r releasemeta.Release) {
	s.t.Helper()
	repo, err := tufrepo.Open(s.dir, s.ring)
	must(s.t, err)
	text := "manifest of " + r.Version
	sum := sha256.Sum256([]byte(text))
	name, err := repo.AddTarget(releasemeta.Path(r.Board, r.Version, releasemeta.ManifestName), int64(len(text)), hex.EncodeToString(sum[:]), r)
	must(s.t, err)
	file := filepath.Join(s.dir, "targets", name)
	must(s.t, errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644), repo.Publish(now)))
}

func (s *server) refresh() (*View, error) { return s.client.Refresh(s.t.Context()) }

// fails expects an error of a kind, with what to do next.
func (s *server) fails(what string, kind error) {
	s.t.Helper()
	if _, err := s.refresh(); !errors.Is(err, kind) || !strings.Contains(err.Error(), "; ") {
		s.t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func (s *server) works(what string) *View {
	s.t.Helper()
	v, err := s.refresh()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	return v
}

// named returns the name of the nth metadata of a role that is published.
func named(nth int64, role string) string { return fmt.Sprintf("%d.%s.json", begin.Unix()+nth-1, role) }

// metadata returns its path.
func (s *server) metadata(nth int64, role string) string {
	return filepath.Join(s.dir, "metadata", named(nth, role))
}

var machine = Machine{Board: "pc", Arch: "amd64", Layout: 3}

func TestRelease(t *testing.T) {
	s := serve(t)
	v := s.works("first")
	list, refused := v.Releases(machine)
	if len(list) != 1 || refused != nil || list[0].Version != "v1" || !v.Sure() || !v.Signed().Equal(begin) {
		t.Fatalf("%+v, %+v, signed %s", list, refused, v.Signed())
	}
	b, err := v.Read(t.Context(), list[0].Manifest)
	if err != nil || string(b) != "manifest of v1" {
		t.Errorf("%q, %v", b, err)
	}
	if got, err := v.Target("pc/v1/manifest.json"); err != nil || got.URL != list[0].Manifest.URL {
		t.Errorf("%+v, %v", got, err)
	}
	s.publish(days(1))
	if list, _ := s.works("second").Releases(machine); len(list) != 2 || list[1].Version != "v2" {
		t.Errorf("%+v", list)
	}
	if _, err := v.Target("pc/v9/manifest.json"); err == nil || !strings.Contains(err.Error(), "; ") {
		t.Errorf("no such target: %v", err)
	}
}

// TestWhatIsNotForThisMachine: releases for others are refused with the reason; those of other boards are not listed.
func TestWhatIsNotForThisMachine(t *testing.T) {
	s := serve(t)
	for version, change := range map[string]func(*releasemeta.Release){
		"arch": func(r *releasemeta.Release) { r.Arch = "arm64" }, "layout": func(r *releasemeta.Release) { r.Layout = 4 },
		"moves": func(r *releasemeta.Release) { r.Layout, r.Migrates = 5, []int{2, 3} },
		"board": func(r *releasemeta.Release) { r.Board = "rpi4" }, "new": func(r *releasemeta.Release) { r.Sequence = 9 },
	} {
		r := releasemeta.Release{Board: "pc", Arch: "amd64", Layout: 3, Version: version, Sequence: 6}
		change(&r)
		s.publishAs(begin, r)
	}
	list, refused := s.works("all").Releases(machine)
	if len(list) != 2 || list[1].Version != "new" {
		t.Errorf("%+v", list)
	}
	why := fmt.Sprint(refused)
	for _, want := range []string{"it is for arm64, this machine is amd64", "disk layout 4, this disk has layout 3; a release that moves partitions (migrates: [3])", "disk layout 5 and would move the partitions"} {
		if !strings.Contains(why, want) {
			t.Errorf("no %q in %s", want, why)
		}
	}
	if len(refused) != 3 {
		t.Errorf("%d refused: %s", len(refused), why)
	}
}

// TestCutFiles: pitfall 1: files that a power cut has cut stop nothing, and what was seen still counts.
func TestCutFiles(t *testing.T) {
	s := serve(t)
	s.works("first")
	old := s.copyMetadata()
	s.publish(days(1))
	s.works("second")
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json", "targets.json", "seen"} {
		file := filepath.Join(s.client.Dir, name)
		whole, err := os.ReadFile(file)
		must(t, err)
		for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
			must(t, os.WriteFile(file, whole[:n], 0o600))
			s.works(fmt.Sprintf("%s cut to %d", name, n))
			if again, err := os.ReadFile(file); err != nil || name != "seen" && string(again) != string(whole) {
				t.Errorf("%s cut to %d: not written again: %v", name, n, err)
			}
		}
	}
	s.restore(old)
	for _, name := range []string{"timestamp.json", "snapshot.json", "targets.json"} {
		must(t, os.WriteFile(filepath.Join(s.client.Dir, name), nil, 0o600))
	}
	s.fails("old metadata, and the files that would show it are cut", ErrReplayed)
}

func (s *server) copyMetadata() string {
	dir := s.t.TempDir()
	must(s.t, os.CopyFS(dir, os.DirFS(filepath.Join(s.dir, "metadata"))))
	return dir
}

// restore replaces the server's metadata by an older copy.
func (s *server) restore(dir string) {
	to := filepath.Join(s.dir, "metadata")
	must(s.t, errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(dir))))
}

// TestRevokedKeys: pitfall 2: after a new root the keys of the old one count no more, also if the server withholds the
// new one, and also if the file with the new root is lost.
func TestRevokedKeys(t *testing.T) {
	s := serve(t)
	s.works("first")
	old := s.copyMetadata()
	for _, role := range []string{"timestamp", "snapshot", "targets"} {
		_, err := s.ring.Rotate(role, "", "")
		must(t, err)
	}
	s.publish(days(1))
	s.works("new keys")
	before := contents(t, s.client.Dir)
	s.restore(old)
	s.fails("old keys", ErrUnsigned)
	must(t, os.WriteFile(filepath.Join(s.client.Dir, "root.json"), nil, 0o600))
	s.fails("old keys, and no root", ErrReplayed)
	delete(before, "root.json")
	for name, text := range before {
		if got := contents(t, s.client.Dir)[name]; got != text {
			t.Errorf("%s was changed", name)
		}
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			out[filepath.Base(f)] = string(b)
		}
	}
	return out
}

// TestRootRotation: a machine that slept through several roots follows them all, and refuses one that the old keys have
// not signed.
func TestRootRotation(t *testing.T) {
	s := serve(t)
	for i := range 3 {
		_, err := s.ring.Rotate("root", "", "")
		must(t, err)
		s.publish(days(i))
	}
	s.works("four roots")
	if m, err := metadata.Root().FromFile(filepath.Join(s.client.Dir, "root.json")); err != nil || m.Signed.Version != 4 {
		t.Errorf("%v", err)
	}
	other := serve(t)
	b, err := os.ReadFile(filepath.Join(other.dir, "metadata", "1.root.json"))
	must(t, err)
	forged := strings.Replace(string(b), `"version":1`, `"version":5`, 1)
	must(t, os.WriteFile(filepath.Join(s.dir, "metadata", "5.root.json"), []byte(forged), 0o644))
	s.fails("a root of others", ErrUnsigned)
	must(t, os.Remove(filepath.Join(s.dir, "metadata", "5.root.json")))
	s.client.Root = other.client.Root
	s.works("the image has another root, and the cached one is newer")
}

// TestFetch: pitfall 3: a fetch ends with its context, and every failure says what to do.
func TestFetch(t *testing.T) {
	s := serve(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	s.handle = func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.client.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrFetch) {
		t.Errorf("a server that stalls: %v", err)
	}
	s.handle = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	s.fails("500", ErrServer)
	s.handle = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>please log in") }
	s.fails("a portal", ErrFormat)
	s.handle = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", 1<<20)) }
	s.fails("endless", ErrMixed)
	s.handle = http.NotFound
	s.fails("nothing there", ErrMissing)
	s.handle = nil
	s.works("afterwards")
}

// TestForbidden: pitfall 4: an object store answers 403 for what it does not have, which ends the search for roots as
// 404 does; for anything else it is an error.
func TestForbidden(t *testing.T) {
	s := serve(t)
	store := func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(filepath.Join(s.dir, r.URL.Path)); err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.FileServer(http.Dir(s.dir)).ServeHTTP(w, r)
	}
	s.handle = store
	s.works("object store")
	must(t, os.Remove(filepath.Join(s.dir, "metadata", "timestamp.json")))
	s.fails("no timestamp", ErrServer)
}

// TestSmallFilesOnly: pitfall 5: only what is small is read into memory, and only as long as the metadata says.
func TestSmallFilesOnly(t *testing.T) {
	s := serve(t)
	v := s.works("first")
	list, _ := v.Releases(machine)
	file := list[0].Manifest
	for name, text := range map[string]string{"flipped": "manifest of V1", "cut": "manifest", "longer": "manifest of v1!"} {
		s.handle = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
		if _, err := v.Read(t.Context(), file); !errors.Is(err, ErrMixed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	file.Length = MaxRead + 1
	if _, err := v.Read(t.Context(), file); err == nil || !strings.Contains(err.Error(), "kept in memory") {
		t.Error(err)
	}
}

// TestConcurrent: pitfall 6: an updater refreshes once and is not safe for concurrent use; a client does and is.
func TestConcurrent(t *testing.T) {
	s := serve(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			v, err := s.refresh()
			if err == nil {
				_, err = v.Target("pc/v1/manifest.json")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// TestOnlySHA256: pitfall 6: with other hashes a file's name would be made of any of them.
func TestOnlySHA256(t *testing.T) {
	s := serve(t)
	v := s.works("first")
	for _, info := range []*metadata.TargetFiles{{Length: 1, Hashes: metadata.Hashes{"sha512": make([]byte, 64)}}, {Length: 1, Hashes: metadata.Hashes{"sha256": make([]byte, 5)}}} {
		if _, err := v.target("pc/v1/x", info); !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
	}
	targets, err := os.ReadFile(s.metadata(1, "targets"))
	must(t, err)
	if strings.Contains(string(targets), "sha512") {
		t.Error("the repository has other hashes")
	}
}

// TestClock: pitfall 7: expiry is judged by a known clock; one that is not known waits.
func TestClock(t *testing.T) {
	s := serve(t)
	for name, c := range map[string]struct {
		clock Clock
		want  error
		sure  bool
	}{
		"in time":                      {Clock{Now: days(13), Known: true}, nil, true},
		"expired":                      {Clock{Now: days(15), Known: true}, ErrExpired, false},
		"at 1970":                      {Clock{Now: time.Unix(0, 0), Built: days(1)}, nil, false},
		"at 1970, built later":         {Clock{Now: time.Unix(0, 0), Built: days(15)}, ErrClock, false},
		"at 1970, ran later":           {Clock{Now: time.Unix(0, 0), Seen: days(15)}, ErrClock, false},
		"known, and ran later by once": {Clock{Now: days(2), Known: true, Seen: days(15)}, nil, true},
		"set back, but built later":    {Clock{Now: time.Unix(0, 0), Known: true, Built: days(15)}, ErrExpired, false},
	} {
		s.client.Clock = c.clock
		v, err := s.refresh()
		if !errors.Is(err, c.want) || err == nil && v.Sure() != c.sure || err != nil && c.want == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFrozen: the newest time that the repository has signed is a lower bound for ever: metadata that had expired by
// then is refused with any clock.
func TestFrozen(t *testing.T) {
	s := serve(t)
	s.client.Clock = Clock{Now: days(40), Known: true}
	s.publish(days(40))
	s.works("40 days later")
	for _, c := range []Clock{{Now: time.Unix(0, 0)}, {Now: days(3), Known: true}} {
		if got := c.reference(s.works("again").Signed()); !got.Equal(days(40)) {
			t.Errorf("reference %s", got)
		}
	}
	if m := (seen{Signed: days(9)}); !(Clock{Now: days(3)}).reference(m.Signed).Equal(days(9)) {
		t.Error("not the signed time")
	}
}

// TestBadRepositories: what a server may do to metadata, each with its error.
func TestBadRepositories(t *testing.T) {
	edit := func(name, from, to string) func(*server) {
		return func(s *server) {
			file := filepath.Join(s.dir, "metadata", name)
			b, err := os.ReadFile(file)
			must(s.t, err)
			if !strings.Contains(string(b), from) {
				s.t.Fatalf("%s has no %s", name, from)
			}
			must(s.t, os.WriteFile(file, []byte(strings.Replace(string(b), from, to, 1)), 0o644))
		}
	}
	for name, c := range map[string]struct {
		do   func(*server)
		want error
	}{
		"replayed":          {func(s *server) { old := s.copyMetadata(); s.publish(days(1)); s.works("newer"); s.restore(old) }, ErrReplayed},
		"timestamp":         {edit("timestamp.json", fmt.Sprintf(`"version":%d`, begin.Unix()), `"version":7`), ErrUnsigned},
		"targets":           {edit(named(1, "targets"), `"sequence":1`, `"sequence":9`), ErrUnsigned},
		"snapshot is gone":  {func(s *server) { must(s.t, os.Remove(s.metadata(1, "snapshot"))) }, ErrMissing},
		"cut":               {func(s *server) { must(s.t, os.Truncate(s.metadata(1, "targets"), 100)) }, ErrFormat},
		"mixed":             {mixed, ErrUnsigned},
		"threshold not met": {oneOfTwo, ErrUnsigned},
		"one key twice":     {twice, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			c.do(s)
			before := contents(t, s.client.Dir)["targets.json"]
			s.fails(name, c.want)
			if contents(t, s.client.Dir)["targets.json"] != before {
				t.Error("it was kept")
			}
		})
	}
}

// mixed serves the snapshot of another repository.
func mixed(s *server) {
	other := serve(s.t)
	b, err := os.ReadFile(other.metadata(1, "snapshot"))
	must(s.t, err)
	must(s.t, os.WriteFile(s.metadata(1, "snapshot"), b, 0o644))
}

// oneOfTwo removes one of two signatures that the role needs.
func oneOfTwo(s *server) {
	must(s.t, s.ring.Split("targets", 2, 2))
	s.publish(begin)
	s.works("both")
	must(s.t, os.RemoveAll(s.client.Dir))
	signatures(s, func(list []any) []any { return list[:1] })
}

func twice(s *server) {
	signatures(s, func(list []any) []any { return append(list, list[0]) })
}

// signatures changes those of the newest targets.
func signatures(s *server, change func([]any) []any) {
	file := s.metadata(s.release, "targets")
	b, err := os.ReadFile(file)
	must(s.t, err)
	var m map[string]any
	must(s.t, json.Unmarshal(b, &m))
	m["signatures"] = change(m["signatures"].([]any))
	b, err = json.Marshal(m)
	must(s.t, errors.Join(err, os.WriteFile(file, b, 0o644)))
}
