package mounts

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// TestApply: a row creates its directory, then mounts; rows without a type only create it or change propagation.
func TestApply(t *testing.T) {
	f := &sys.Fake{}
	table := []Row{
		{Source: "proc", Target: "/proc", Type: "proc", Flags: strict, Mode: 0o755},
		{Target: "/run/lock", Mode: 0o1777},
		{Source: "/run/proa/data/var", Target: "/var", Flags: unix.MS_BIND},
		{Target: "/", Flags: unix.MS_SHARED | unix.MS_REC},
		{Target: "/dev/fd", Link: "/proc/self/fd"},
	}
	if err := Apply(f, table, t.Logf); err != nil {
		t.Fatal(err)
	}
	want := "mkdir /proc 0755\nmount proc /proc proc 0xe\nmkdir /run/lock 1777\nmount /run/proa/data/var /var  0x1000\nmount  /  0x104000\nsymlink /dev/fd -> /proc/self/fd\n"
	if d := cmp.Diff(want, f.String()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("mount proc        /proc\ndir /run/lock\nbind /run/proa/data/var /var\npropagation /\nlink /dev/fd /proc/self/fd\n", Print(table)); d != "" {
		t.Error(d)
	}
}

// TestFailures: the failure of an optional row is reported and the table continues; any other ends it with the row's
// name.
func TestFailures(t *testing.T) {
	busy := errors.New("busy")
	var said []string
	logf := func(string, ...any) { said = append(said, "x") }
	table := []Row{
		{Source: "bpf", Target: "/sys/fs/bpf", Type: "bpf", Optional: true},
		{Target: "/a", Mode: 0o755, Source: "a", Type: "tmpfs"},
		{Target: "/b", Mode: 0o755},
	}
	f := &sys.Fake{Fail: map[string]error{"bpf": busy}}
	if err := Apply(f, table, logf); err != nil || len(said) != 1 || !strings.Contains(f.String(), "mkdir /b") {
		t.Errorf("%v, said %d\n%s", err, len(said), f)
	}
	f = &sys.Fake{Fail: map[string]error{"mkdir /a": busy}}
	err := Apply(f, table, logf)
	if !errors.Is(err, busy) || !strings.HasPrefix(err.Error(), "mount tmpfs       /a: ") || strings.Contains(f.String(), "mkdir /b") || strings.Contains(f.String(), "mount a /a") {
		t.Errorf("%v\n%s", err, f)
	}
}

// TestFullDisk: a data file system on which directories cannot be created does not stop the boot, but a failing bind
// mount does.
func TestFullDisk(t *testing.T) {
	full := &sys.Fake{Fail: map[string]error{"mkdir /var/": unix.ENOSPC}}
	if err := Apply(full, Persistent("/run/proa/data"), t.Logf); err != nil {
		t.Error(err)
	}
	if !strings.Contains(full.String(), "mount  /opt  0x104000") {
		t.Errorf("the table did not come to its end\n%s", full)
	}
	broken := &sys.Fake{Fail: map[string]error{"mount /run/proa/data/var /var": unix.EIO}}
	if err := Apply(broken, Persistent("/run/proa/data"), t.Logf); !errors.Is(err, unix.EIO) {
		t.Errorf("an unbound /var: %v", err)
	}
}

// TestFlags: file systems that users or pods write to are mounted nodev and nosuid, and home directories are private.
func TestFlags(t *testing.T) {
	for _, r := range append(Early(), Main()...) {
		if r.Type != "" && r.Type != "devtmpfs" && r.Type != "devpts" && r.Flags&nodev == 0 {
			t.Errorf("%s takes device files", r)
		}
		if r.Type != "" && r.Flags&nosuid == 0 {
			t.Errorf("%s takes set-uid files", r)
		}
	}
	for _, r := range Persistent("/d") {
		if r.Target == "/d/root" && r.Mode != 0o700 || r.Target == "/var/lib/proa" && r.Mode != 0o700 {
			t.Errorf("%s has mode %o", r, r.Mode)
		}
	}
}
