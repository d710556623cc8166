package push

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// output may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// run pushes, and returns what was printed and the exit code.
func run(t *testing.T, ctx context.Context, o Options, args ...string) (string, int, error) {
	t.Helper()
	var out output
	err := Run(ctx, o, args, &out)
	var f *Failure
	switch {
	case err == nil:
		return out.String(), 0, nil
	case errors.As(err, &f):
		return out.String(), f.Code, err
	}
	return out.String(), -1, err
}

func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

// TestPush: a node takes a patch through the connection, restarts, and is waited for; what it runs it does not take again.
func TestPush(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	o := d.options()
	check := o
	check.Check = true
	out, code, err := run(t, t.Context(), check, d.name(), h.site)
	if code != 0 {
		t.Fatalf("check: %v\n%s", err, out)
	}
	has(t, out, "v1 runs in slot a", "v2 can replace v1", "patch from v1")
	if len(d.journal().Entries) > 0 {
		t.Error("a check left an entry in the journal")
	}
	if out, code, err = run(t, t.Context(), o, d.name(), h.site); code != 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	has(t, out, d.name()+": v1 runs in slot a", "write root.img", "restarting for the trial of slot b", "v2 runs in slot b and is good")
	e := d.journal().Entries[0]
	if e.Result != journal.Succeeded || e.By != "push" || !strings.Contains(e.Source, "@") || e.Kind != "patch from v1" || e.Bytes > 1<<20 {
		t.Errorf("%+v", e)
	}
	if out, code, err = run(t, t.Context(), o, d.name(), h.site); code != 0 {
		t.Fatalf("again: %v\n%s", err, out)
	}
	has(t, out, "v2 runs in slot b", "v2 runs, and is the newest")
}

// TestKinds: a bundle and a slot file are taken as well; --no-reboot leaves the restart to others.
func TestKinds(t *testing.T) {
	h := hosted(t)
	for place, kind := range map[string]string{h.bundle: "patch from v1", h.file: "slot file"} {
		d := h.boot(t, "v1")
		o := d.options()
		o.NoReboot = true
		out, code, err := run(t, t.Context(), o, d.name(), place)
		if code != 0 {
			t.Fatalf("%s: %v\n%s", place, err, out)
		}
		has(t, out, "the next boot is a trial of v2")
		if e := d.journal().Entries[0]; e.State != journal.Trying || e.Kind != kind {
			t.Errorf("%+v", e)
		}
	}
}

// TestFellBack: the second of three nodes falls back: why is said, the third is not begun, and the version is not taken
// again unless that is wanted.
func TestFellBack(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	d.fate = nodeupgrade.RolledBack
	out, code, err := run(t, t.Context(), d.options(), d.name(), d.name(), h.site)
	if code != FellBack {
		t.Fatalf("%d, %v\n%s", code, err, out)
	}
	has(t, err.Error(), "it fell back from v2 to v1", "network (failed: no link)")
	has(t, out, "not begun: "+d.name())
	if out, code, err = run(t, t.Context(), d.options(), d.name(), h.site); code != NotTaken {
		t.Fatalf("%d, %v\n%s", code, err, out)
	}
	has(t, err.Error(), "v2 was given up")
	d.fate = nodeupgrade.Succeeded
	o := d.options()
	o.Again = true
	if out, code, err = run(t, t.Context(), o, d.name(), h.site); code != 0 {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestNoVerdict: a node that says nothing within the time is not known to be good.
func TestNoVerdict(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	d.fate = ""
	o := d.options()
	o.Wait = 5 * time.Second
	out, code, err := run(t, t.Context(), o, d.name(), h.site)
	if code != NoVerdict {
		t.Fatalf("%d, %v\n%s", code, err, out)
	}
	d.fate = nodeupgrade.Succeeded
	must(t, d.settle())
	if out, code, err = run(t, t.Context(), d.options(), d.name(), h.site); code != 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// interrupted pushes the slot file, and calls after once a part of the root was sent.
func interrupted(t *testing.T, ctx context.Context, d *device, file string, after func()) (string, error) {
	t.Helper()
	r, err := openRelease(file)
	must(t, err)
	defer r.close()
	open, opened := r.open, 0
	r.open = func(name string) (pushlink.File, error) {
		if opened++; opened == 3 { // the second MiB
			after()
			time.Sleep(time.Second)
		}
		return open(name)
	}
	var out output
	n := node{name: d.name(), ssh: strings.Fields(d.options().SSH), out: &lines{w: &out}}
	err = n.upgrade(ctx, d.options(), r)
	return out.String(), err
}

// TestStopped: Ctrl-C while the slot is written: the node says that it was stopped, its boot state is that before, and the
// same command goes on.
func TestStopped(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	ctx, stop := context.WithCancel(t.Context())
	out, err := interrupted(t, ctx, d, h.file, stop)
	var f *Failure
	if !errors.As(err, &f) || f.Code != interrupts {
		t.Fatalf("%v\n%s", err, out)
	}
	has(t, err.Error(), "stopped; v1 runs in slot a, as before")
	if e := d.journal().Entries[0]; e.Result != journal.Aborted || !strings.Contains(e.Reason, "the host that pushes is gone") {
		t.Errorf("%+v", e)
	}
	for _, pid := range d.processes("environ", nodeVariable+"="+d.dir+"\x00") {
		t.Errorf("process %d of the node still runs", pid)
	}
	if out, code, err := run(t, t.Context(), d.options(), d.name(), h.file); code != 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLost: a connection that breaks while the slot is written is made again, and the write goes on where it was.
func TestLost(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	out, err := interrupted(t, t.Context(), d, h.file, func() { d.stop(); d.start() })
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	has(t, out, "no connection", "going on", "v2 runs in slot b and is good")
}

// TestRefused: what fails before a node is touched says why.
func TestRefused(t *testing.T) {
	h := hosted(t)
	d := h.boot(t, "v1")
	other := newHost(t, t.TempDir(), "v3")
	out, code, err := run(t, t.Context(), d.options(), d.name(), other.site)
	if code != NotTaken || !strings.Contains(err.Error(), "v1 runs in slot a, as before") {
		t.Errorf("other keys: %d, %v\n%s", code, err, out)
	}
	t.Logf("%v", err)
	must(t, os.WriteFile(filepath.Join(d.keys, "authorized_keys"), nil, 0o600))
	o := d.options()
	o.SSH += " -o BatchMode=yes"
	if out, code, err = run(t, t.Context(), o, d.name(), h.site); code != NotTaken || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("no key: %d, %v\n%s", code, err, out)
	}
	for want, args := range map[string][]string{
		"want NODE… RELEASE":          {h.site},
		"invalid node":                {"-oProxyCommand=x", h.site},
		"there is no":                 {"a", "/nowhere"},
		"has no release in it":        {"a", t.TempDir()},
		"neither a slot file nor":     {"a", d.key},
		"on the node, run proa upgra": {"a", "https://example.org/site"},
	} {
		if _, _, err := run(t, t.Context(), Options{SSH: "ssh"}, args...); err == nil || want != "there is no" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
