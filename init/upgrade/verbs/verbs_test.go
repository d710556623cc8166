package verbs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/fetch/stream"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/passed"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/upgradetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// direct asks without the program; init/upgrade has the tests with it. hosts is what may be redirected to.
type direct struct{ hosts *[]string }

func (d direct) Open(ctx context.Context, r stream.Request) (stream.Head, io.ReadCloser, error) {
	*d.hosts = r.Hosts
	req, err := http.NewRequestWithContext(ctx, "GET", r.URL, nil)
	if err != nil {
		return stream.Head{}, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return stream.Head{}, nil, err
	}
	return stream.Head{Status: resp.StatusCode, Length: resp.ContentLength, First: -1, Last: -1, Total: -1}, resp.Body, nil
}

// machine is one as files: slot a runs and is good, slot b is empty.
func machine(t *testing.T) (Env, *bytes.Buffer) {
	t.Helper()
	root, out := t.TempDir(), &bytes.Buffer{}
	must(t, os.MkdirAll(filepath.Join(root, "run/proa"), 0o755))
	upgradetest.Flash(t, root, 1<<20, slottrust.Of(testkey.Keys()))
	find := func() (upgrade.Machine, slotwrite.Target, error) {
		d, err := upgradetest.Open(root, slottrust.Of(testkey.Keys()))
		return upgrade.Machine{Board: "pc", Arch: "amd64", Layout: layout.Version, Version: "v1", Root: strings.Repeat("a", 64), ID: "x", Slot: layout.A}, d.Target, err
	}
	return Env{Out: out, Err: out, Root: root, Config: config.Default(), Find: find, Opener: direct{new([]string)},
		Restart: func() error { out.WriteString("RESTART\n"); return nil }}, out
}

func slotFile(t *testing.T, version string) []byte {
	return upgradetest.SlotFile(t, "pc", version, 40*verity.BlockSize)
}

// TestApply: the verbs from a source of the configuration; what they print is for people.
func TestApply(t *testing.T) {
	e, out := machine(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(slotFile(t, "v2")) }))
	defer server.Close()
	e.Config.Upgrade.Source = []string{server.URL + "/proa-pc.slot?key=hunter2"}
	for _, step := range []struct {
		args string
		want []string
	}{
		{"check", []string{"v2 can replace v1", "slot file", "to take it: proa upgrade apply"}},
		{"log", []string{"no upgrade was made yet"}},
		{"fetch", []string{"v2 is written"}},
		{"status", []string{"v1 → v2", "is written; to boot it"}},
		{"apply --no-reboot", []string{"slot b holds v2 already", "the next boot is a trial of v2; to restart now: proa reboot"}},
		{"apply", []string{"restarting for the trial of slot b, proa v2", "RESTART"}},
		{"status", []string{"is on trial", "automatic off"}},
		{"log", []string{"1  ", "is on trial", "slot file, 0.2 MB, written in"}},
		{"log --json", []string{`"state": "trying"`, `"tried": "`, `"bytes": `}},
	} {
		out.Reset()
		args := strings.Fields(step.args)
		err := e.Main(t.Context(), args[0], args[1:])
		for _, want := range step.want {
			if err != nil || !strings.Contains(out.String(), want) {
				t.Errorf("%s: %v, %q, want %q", step.args, err, out, want)
			}
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("%s shows a secret: %q", step.args, out)
		}
	}
	if _, err := os.Stat(e.Root + upgrade.ProgressFile); err == nil {
		t.Error("the progress is left behind")
	}
}

// TestStatusSaysWhatIsPassedOver: as the last look found it, while the same version runs.
func TestStatusSaysWhatIsPassedOver(t *testing.T) {
	e, out := machine(t)
	for runs, want := range map[string]bool{"v1": true, "v0": false} {
		out.Reset()
		_, err := passed.Keep(e.Root+journal.Dir, passed.Record{Release: passed.Release{Version: "v3", Why: "it needs disk layout 3"}, Source: "a", Runs: runs, Since: time.Unix(1_790_000_000, 0)})
		must(t, errors.Join(err, e.Main(t.Context(), "status", nil)))
		if got := strings.Contains(out.String(), "v3 is newer, and not for this machine: it needs disk layout 3; found on 2026-09-21\n"); got != want {
			t.Errorf("%s: %q", runs, out)
		}
	}
}

// TestMistakes: each says what to do instead.
func TestMistakes(t *testing.T) {
	e, _ := machine(t)
	dir := t.TempDir()
	for args, want := range map[string]string{
		"check": "set upgrade.source in the configuration", "apply /nowhere.slot": "no such file", "log x": `unexpected argument "x"`, "upgrade": "want check, fetch, apply, status, log or restore-datastore",
		"apply a b": "mirrors are URLs", "check " + dir: "no keys to verify a repository", "fetch --no-reboot x": "flag provided but not defined",
		"apply " + e.Root + "/root-b": "neither a slot file nor a bundle",
	} {
		list := strings.Fields(args)
		if err := e.Main(t.Context(), list[0], list[1:]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestAlone: one upgrade at a time; status says that there is one, and the boot state is free meanwhile.
func TestAlone(t *testing.T) {
	e, out := machine(t)
	lock, err := claim.Lock(e.Root+claim.LockFile, 0)
	must(t, err)
	defer lock.Close()
	tick, near, done := upgrade.Told(e.Root+upgrade.ProgressFile, "releases.example.org", nil)
	defer done()
	near(journal.Near{Bytes: 40_000_000, Nodes: 2})
	tick("write root.img", 50e6, 100e6)
	must(t, e.Main(t.Context(), "status", nil))
	if !strings.Contains(out.String(), "from releases.example.org: write root.img, 50 % of 100.0 MB; 40.0 MB came from 2 nodes of the site") {
		t.Errorf("%q", out)
	}
	if _, err := claim.Lock(e.Root+claim.LockFile, 0); !errors.Is(err, claim.ErrBusy) {
		t.Errorf("%v", err)
	}
	other, err := slot.Lock(e.Root+slot.LockFile, 0)
	must(t, err)
	other.Close()
}

// TestRedirectHosts: those of the configuration are passed on.
func TestRedirectHosts(t *testing.T) {
	e, _ := machine(t)
	e.Config.Upgrade.RedirectHosts = []string{"storage.example.org"}
	e.Patience.Budget, e.Patience.First = time.Millisecond, 2*time.Millisecond
	_ = e.Main(t.Context(), "check", []string{"http://127.0.0.1:1/a.slot"}) // nobody listens
	if got := *e.Opener.(direct).hosts; len(got) != 1 || got[0] != "storage.example.org" {
		t.Errorf("%q", got)
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "900": 900, "500k": 500_000, "2M": 2_000_000} {
		if got := rate(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// TestGive: the service gives pieces to others if the configuration says so, also if it does nothing by itself, at most as
// fast as it says, and not otherwise.
func TestGive(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		e, _ := machine(t)
		e.Config.Upgrade.Peers, e.Config.Upgrade.Bandwidth = wanted, "500k"
		gave := false
		e.Give = func(ctx context.Context, limit *transport.Bucket, _ func(string)) {
			gave = limit != nil
			<-ctx.Done()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		must(t, e.Service(ctx))
		if cancel(); gave != wanted {
			t.Errorf("peers: %v: it gave pieces: %v", wanted, gave)
		}
	}
}

// TestService: what is applied by itself, without a window, is on trial at once; a version that was given up is left alone.
func TestService(t *testing.T) {
	e, out := machine(t)
	file := filepath.Join(e.Root, "a.slot")
	must(t, os.WriteFile(file, slotFile(t, "v2"), 0o600))
	e.Config.Upgrade.Source, e.Config.Upgrade.Automatic, e.Config.Upgrade.Jitter = []string{file}, "apply", "0s"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e.Restart = func() error { cancel(); return nil }
	must(t, e.Service(ctx))
	j, err := journal.Read(e.Root + journal.File)
	must(t, err)
	if e := j.Open(); e == nil || e.State != journal.Trying || e.By != "schedule" {
		t.Errorf("%+v\n%s", j, out)
	}
}
