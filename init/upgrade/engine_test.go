package upgrade_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/upgradetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(child(dir))
	}
	fetchtest.Main(m)
}

// device runs v1, and counts its restarts.
type device struct {
	upgradetest.Device
	said  []string
	boots int
}

func flashed(t *testing.T) *device {
	t.Helper()
	return &device{Device: upgradetest.Flash(t, t.TempDir(), 16<<20, slottrust.Of(testkey.Keys()))}
}

// slotFile has a root of some megabytes, so that it is not transferred at once.
func slotFile(t testing.TB, board, version string) []byte {
	return upgradetest.SlotFile(t, board, version, 12<<20)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// engine returns one that reads from a place with short patience.
func (d *device) engine(t *testing.T, ctx context.Context, place string, o upgrade.Options) (upgrade.Engine, error) {
	t.Helper()
	e, err := d.open(ctx, fetchtest.Need(t), place, o)
	if err == nil {
		t.Cleanup(func() { e.Origin.Close() })
	}
	return e, err
}

// open returns an engine; file is the program proa-fetch.
func (d *device) open(ctx context.Context, file, place string, o upgrade.Options) (upgrade.Engine, error) {
	from, err := d.Opener(file, 3*time.Second).Open(ctx, place)
	if err != nil {
		return upgrade.Engine{}, err
	}
	o.By = "command"
	return upgrade.Engine{Origin: from, Options: o, Target: d.Target, Dir: d.Dir, Restart: func() error { d.boots++; return nil },
		Machine: upgrade.Machine{Board: "pc", Arch: "amd64", Layout: layout.Version, Version: "v1", Root: strings.Repeat("a", 64), Slot: layout.A},
		Say:     func(line string) { d.said = append(d.said, line) }}, nil
}

func (d *device) run(t *testing.T, ctx context.Context, place string, o upgrade.Options) (upgrade.Outcome, error) {
	t.Helper()
	e, err := d.engine(t, ctx, place, o)
	if err != nil {
		return upgrade.Outcome{}, err
	}
	return e.Run(ctx)
}

// last is the result of the last upgrade, and its reason.
func (d *device) last(t *testing.T) journal.Entry {
	t.Helper()
	j, err := journal.Read(filepath.Join(d.Dir, "journal.json"))
	must(t, err)
	if len(j.Entries) == 0 {
		return journal.Entry{}
	}
	return j.Entries[len(j.Entries)-1]
}

// server has files; cut ends the body of the n-th request after some bytes, as a broken connection does.
type server struct {
	*httptest.Server
	sent atomic.Int64
	cut  func(request int) int
	n    atomic.Int64
}

func serve(t *testing.T, files map[string][]byte, cut func(request int) int) *server {
	s := &server{cut: cut}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		left := -1
		if s.cut != nil {
			left = s.cut(int(s.n.Add(1)))
		}
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(&limited{ResponseWriter: w, left: left, sent: &s.sent}, r, "", time.Time{}, bytes.NewReader(b))
	}))
	t.Cleanup(s.CloseClientConnections)
	return s
}

// limited panics, which resets the connection, once its bytes are used up.
type limited struct {
	http.ResponseWriter
	left int
	sent *atomic.Int64
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left == 0 {
		panic(http.ErrAbortHandler)
	}
	if l.left > 0 {
		b = b[:min(len(b), l.left)]
		l.left -= len(b)
	}
	n, err := l.ResponseWriter.Write(b)
	l.sent.Add(int64(n))
	if l.left == 0 {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// TestUpgrade: from a slot file on a server to a trial; check and fetch are beginnings of it, and nothing is done twice.
func TestUpgrade(t *testing.T) {
	d := flashed(t)
	file := slotFile(t, "pc", "v2")
	s := serve(t, map[string][]byte{"/proa-pc.slot": file}, nil)
	place := s.URL + "/proa-pc.slot?key=hunter2"
	out, err := d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Check})
	if err != nil || out.Choice.Release.Version != "v2" || out.Bytes != int64(len(file)) || d.last(t).ID != 0 {
		t.Fatalf("check: %+v %v", out, err)
	}
	out, err = d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Fetch})
	if e := d.last(t); err != nil || !out.Written || out.Trying || e.State != journal.Written || e.Bytes < 12<<20 || strings.Contains(e.Source, "hunter2") {
		t.Fatalf("fetch: %+v %v %+v", out, err, e)
	}
	if s := d.State(t); s.Try != layout.Shared {
		t.Errorf("fetched, and the next boot is a trial: %v", s)
	}
	before := s.sent.Load()
	out, err = d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Apply, Reboot: true})
	if e := d.last(t); err != nil || !out.Trying || d.boots != 1 || e.State != journal.Trying || e.To.Version != "v2" {
		t.Fatalf("apply: %+v %v %+v", out, err, e)
	}
	if s := d.State(t); s.Try != layout.B || s.Good != layout.A {
		t.Errorf("%v", s)
	}
	if more := s.sent.Load() - before; more > 8<<20 {
		t.Errorf("%d bytes were sent again", more)
	}
}

// TestGivenUp: after a trial that was lost the version is not tried again by itself.
func TestGivenUp(t *testing.T) {
	d := flashed(t)
	place := filepath.Join(d.Dir, "proa-pc.slot")
	must(t, os.WriteFile(place, slotFile(t, "pc", "v2"), 0o600))
	if _, err := d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Apply}); err != nil {
		t.Fatal(err)
	}
	must(t, journal.Update(filepath.Join(d.Dir, "journal.json"), func(j *journal.Journal) bool {
		return j.Settle(journal.Facts{Running: journal.Release{Root: "aaaaaaaaaaaaaaaa"}, Boot: true}, time.Now())
	}))
	out, err := d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Apply, Auto: true})
	if err != nil || out.Choice.Take() || !strings.Contains(out.Choice.Why, "was given up") || d.last(t).Result != journal.RolledBack {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := d.run(t, t.Context(), place, upgrade.Options{Until: upgrade.Apply, Again: true}); err != nil || !out.Trying {
		t.Errorf("again: %+v %v", out, err)
	}
}

// TestResume: a write that was interrupted, by Ctrl-C or because the server is gone, goes on where it was; the slot cannot
// be booted meanwhile.
func TestResume(t *testing.T) {
	d := flashed(t)
	file := slotFile(t, "pc", "v2")
	s := serve(t, map[string][]byte{"/a.slot": file}, func(n int) int {
		if n == 1 {
			return 11 << 20
		}
		return 0
	})
	_, err := d.run(t, t.Context(), s.URL+"/a.slot", upgrade.Options{Until: upgrade.Fetch})
	if e := d.last(t); err == nil || e.Result != journal.Failed || !strings.Contains(e.Reason, "no progress for 3s") || !strings.Contains(e.Reason, "slot b is incomplete") {
		t.Fatalf("%v %+v", err, e)
	}
	if _, err := slotwrite.Try(t.Context(), d.Target); err == nil {
		t.Error("a half slot can be tried")
	}
	s.cut = nil
	sent := s.sent.Load()
	if _, err := d.run(t, t.Context(), s.URL+"/a.slot", upgrade.Options{Until: upgrade.Apply}); err != nil {
		t.Fatal(err)
	}
	if more := s.sent.Load() - sent; more > 9<<20 { // 4 MB of the root, what arrives before a connection is closed, and boot files
		t.Errorf("%d bytes were sent again of %d", more, len(file))
	}
}

// TestStopped: Ctrl-C is an aborted upgrade.
func TestStopped(t *testing.T) {
	d := flashed(t)
	s := serve(t, map[string][]byte{"/a.slot": slotFile(t, "pc", "v2")}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	e, err := d.engine(t, ctx, s.URL+"/a.slot", upgrade.Options{Until: upgrade.Apply})
	must(t, err)
	e.Progress = func(what string, done, _ int64) {
		if done >= 8<<20 {
			cancel()
		}
	}
	_, err = e.Run(ctx)
	if e := d.last(t); err == nil || !strings.Contains(err.Error(), "stopped") || e.Result != journal.Aborted {
		t.Errorf("%v %+v", err, e)
	}
	if s := d.State(t); s != (bootstate.State{Good: layout.A}) {
		t.Errorf("the boot state was changed: %v", s)
	}
}

// TestRefused: bad releases leave the slot and the boot state as they were, and are in the log once.
func TestRefused(t *testing.T) {
	good := slotFile(t, "pc", "v2")
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	s := serve(t, map[string][]byte{"/rpi3.slot": slotFile(t, "rpi3", "v2"), "/flipped.slot": flipped, "/cut.slot": good[:len(good)-600_000], "/text.slot": []byte(strings.Repeat("no slot", 1000))}, nil)
	for name, says := range map[string]string{"rpi3": "there are releases for rpi3", "flipped": "checksum mismatch", "cut": "truncated", "text": "not a slot file", "absent": "HTTP status 404"} {
		d := flashed(t)
		for range 2 {
			if _, err := d.run(t, t.Context(), s.URL+"/"+name+".slot", upgrade.Options{Until: upgrade.Apply, Reboot: true}); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := d.State(t); s != (bootstate.State{Good: layout.A}) || d.boots > 0 {
			t.Errorf("%s: the boot state was changed: %v", name, s)
		}
		if _, err := slotwrite.Try(t.Context(), d.Target); err == nil {
			t.Errorf("%s can be tried", name)
		}
	}
}
