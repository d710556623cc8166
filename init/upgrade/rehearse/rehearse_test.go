package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/sys"
)

// program compiles what stands for k3s.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rehearse")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "k3s")
	cmd := exec.Command("go", "build", "-o", file, "./testdata/runtime")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return file, err
})

// TestMain is also the process inside: the slot's root is a directory here, and not a device.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == Verb {
		mount := func(s sys.Sys, o Order, at string) error {
			if err := s.Mount(o.Device, at, "", unix.MS_BIND, ""); err != nil {
				return err
			}
			return s.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
		if err := Inside(sys.Linux{}, mount, os.Args[2]); err != nil {
			if !errors.Is(err, ErrSaid) {
				fmt.Fprintln(os.Stderr, err)
			}
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if file, _ := program(); file != "" {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// scene is a stage, and a new root whose runtime plays something.
func scene(t *testing.T, plays string) (Stage, slotwrite.Target) {
	t.Helper()
	if err := exec.Command("unshare", "-m", "-p", "-n", "-f", "true").Run(); err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	k3s, err := program()
	must(t, err)
	root, dir := t.TempDir(), t.TempDir()
	for _, d := range []string{"var", "proc", "dev", "tmp", "etc", "usr/bin", filepath.Dir(releasefile.Path)} {
		must(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	text, err := releasefile.Release{Version: "v2", Layout: layout.Version}.JSON()
	must(t, errors.Join(err, os.WriteFile(filepath.Join(root, releasefile.Path), text, 0o600),
		os.WriteFile(filepath.Join(root, "etc/plays"), []byte(plays), 0o600), os.Link(k3s, filepath.Join(root, Runtime))))
	s := Stage{Runtime: k3s, Database: filepath.Join(dir, "state.db"), Config: filepath.Join(dir, "config.yaml"), Dir: filepath.Join(dir, "copies"),
		Memory: 64 << 20, Limit: time.Minute, Inside: []string{"/proc/self/exe", Verb}}
	must(t, errors.Join(os.WriteFile(s.Database, []byte("one two three"), 0o600), os.WriteFile(s.Config, []byte(s.Database), 0o600)))
	return s, slotwrite.Target{Device: root}
}

var manifest = slotfile.Manifest{Version: "v2", Layout: layout.Version}

// play copies the datastore and tries the new version on it.
func (s Stage) play(t *testing.T, ctx context.Context, to slotwrite.Target) (rehearsal.Report, error) {
	t.Helper()
	if none, err := s.Copy(t.Context()); none != "" || err != nil {
		t.Fatalf("copy: %q, %v", none, err)
	}
	r, err := s.Try(ctx, to, manifest, Signed{Text: []byte("{}")})
	if left, _ := filepath.Glob(filepath.Join(s.Dir, "rehearsal-*")); left != nil {
		t.Errorf("left %q", left)
	}
	if text, _ := os.ReadFile(s.next()); string(text) != "one two three" {
		t.Errorf("the copy that is kept is %q", text)
	}
	if text, _ := os.ReadFile(s.Database); string(text) != "one two three" {
		t.Errorf("the datastore is %q", text)
	}
	return r, err
}

// TestPlays: each row is what the new runtime does, and what is said of it.
func TestPlays(t *testing.T) {
	for plays, want := range map[string]string{
		"well":       "rehearsed: it reads all 3 objects of a copy of the datastore (0.0 MB)",
		"unserved":   "clients use API versions that it does not serve, and will fail: apps/v1beta1 Deployment: 1 by helm, such as default/web",
		"unreadable": "error: the runtime of v2 cannot take the datastore over: objects are stored in API versions that it does not know: policy/v1beta1 PodSecurityPolicy: 2, such as /registry/p; delete them",
		"ill":        "error: the runtime of v2 cannot take the datastore over: k3s: check-upgrade: open a copy of state.db: no such column: tenant",
		"silent":     "error: the runtime of v2 cannot take the datastore over: report:",
	} {
		s, to := scene(t, plays)
		r, err := s.play(t, t.Context(), to)
		got := strings.Join(r.Lines(), "\n")
		if err != nil {
			got = "error: " + err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s", plays, got)
		}
	}
}

// TestAlone: the new runtime sees its own root, read-only, the copy, and nothing else.
func TestAlone(t *testing.T) {
	s, to := scene(t, "look")
	_, err := s.play(t, t.Context(), to)
	if err == nil {
		t.Fatal("it said nothing")
	}
	want := "sees /dev, /etc, /proc, /tmp, /usr, /var, /var/copy.db, /var/k3s.yaml, /var/manifest.json, /var/manifest.sig, /dev/null, lo loopback, its root is read-only"
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), fmt.Sprintf("pid %d ", os.Getpid())) {
		t.Error(err)
	}
}

// TestEnds: what hangs is ended, by its limit or by the user, with everything in it.
func TestEnds(t *testing.T) {
	s, to := scene(t, "hang")
	s.Limit = time.Second
	if _, err := s.play(t, t.Context(), to); err == nil || !strings.Contains(err.Error(), "took longer than 1s") {
		t.Error(err)
	}
	s.Limit = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.play(t, ctx, to); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if out, _ := exec.Command("pgrep", "-f", filepath.Join(to.Device, Runtime)).Output(); len(out) > 0 {
		t.Errorf("still running: %s", out)
	}
}

// TestRoot: a root for another layout is found before its runtime runs.
func TestRoot(t *testing.T) {
	s, to := scene(t, "well")
	must(t, os.WriteFile(filepath.Join(to.Device, releasefile.Path), []byte(`{"layout":77}`), 0o600))
	if _, err := s.play(t, t.Context(), to); err == nil || !strings.Contains(err.Error(), "the new root is for disk layout 77") {
		t.Error(err)
	}
}

// TestOwnKeys: a version whose keys do not accept its own slot is not tried: its stage 1 would refuse it.
func TestOwnKeys(t *testing.T) {
	s, to := scene(t, "well")
	must(t, os.MkdirAll(filepath.Join(to.Device, "usr/share/proa/trust"), 0o755))
	must(t, os.WriteFile(filepath.Join(to.Device, "usr/share/proa/trust/keys.json"), []byte("{"), 0o600))
	if _, err := s.play(t, t.Context(), to); err == nil || !strings.Contains(err.Error(), "does not accept its own slot") {
		t.Error(err)
	}
}

// TestNone: machines without a datastore have nothing to rehearse.
func TestNone(t *testing.T) {
	c := config.Default()
	c.K3s.Enabled, c.K3s.ServerURL = true, "https://a:6443"
	if none, err := Of(c).Copy(t.Context()); !strings.Contains(none, "agent") || err != nil {
		t.Errorf("%q, %v", none, err)
	}
	c.K3s.Enabled = false
	if none, err := Of(c).Copy(t.Context()); !strings.Contains(none, "not enabled") || err != nil {
		t.Errorf("%q, %v", none, err)
	}
	c = config.Default()
	c.K3s.Enabled, c.K3s.Args = true, []string{"--data-dir=/nowhere"}
	if s := Of(c); s.Database != "/nowhere/server/db/state.db" || s.None != "" {
		t.Errorf("%+v", s)
	} else if none, err := s.Copy(t.Context()); none != "there is no datastore yet" || err != nil {
		t.Errorf("%q, %v", none, err)
	}
}

// TestNoRoom: without room for the copies nothing is begun, and the running version's reason is passed on.
func TestNoRoom(t *testing.T) {
	s, _ := scene(t, "well")
	must(t, os.MkdirAll(s.Dir, 0o700))
	if err := unix.Mount("tmpfs", s.Dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	small := s.Dir
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	if _, err := s.Copy(t.Context()); err == nil || !strings.Contains(err.Error(), "need 48 MiB, and the data partition has room for 8 MiB") {
		t.Error(err)
	}
	s.Dir = t.TempDir()
	must(t, os.WriteFile(s.Config, []byte("/nowhere"), 0o600))
	if _, err := s.Copy(t.Context()); err == nil || !strings.Contains(err.Error(), "copy the datastore: k3s: copy-datastore: open /nowhere") {
		t.Error(err)
	}
}

// TestKeep: one snapshot is kept, for root only, and what earlier runs left is removed.
func TestKeep(t *testing.T) {
	s, _ := scene(t, "well")
	for id := 1; id < 3; id++ {
		if _, err := s.Copy(t.Context()); err != nil {
			t.Fatal(err)
		}
		must(t, os.Mkdir(filepath.Join(s.Dir, "rehearsal-killed"), 0o700))
		must(t, s.Keep(wayback.Record{Entry: id, Policy: wayback.Restore, From: wayback.Release{Version: "v1"}, To: wayback.Release{Version: "v2"}}))
	}
	found, _ := filepath.Glob(filepath.Join(s.Dir, "*"))
	want := []string{filepath.Join(s.Dir, "before-2.db"), filepath.Join(s.Dir, "snapshot.json")}
	if strings.Join(found, " ") != strings.Join(want, " ") {
		t.Errorf("%q", found)
	}
	for _, path := range append(found, s.Dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(want[1])
	must(t, err)
	if r, err := wayback.Parse(text); err != nil || r.State != wayback.Kept || r.Snapshot != want[0] || r.Bytes != 13 || time.Since(r.Taken) > time.Minute {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCage: what takes more memory than it may is ended.
func TestCage(t *testing.T) {
	const top = "/sys/fs/cgroup"
	if list, err := os.ReadFile(filepath.Join(top, "cgroup.controllers")); err != nil || !strings.Contains(string(list), "memory") {
		t.Skipf("no limit of memory by cgroup2 here: %v", err)
	}
	dir, err := os.MkdirTemp(top, "proa-test-")
	if err != nil {
		t.Skipf("no cgroups here: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory"), 0o600) != nil {
		t.Skip("no limit of memory here")
	}
	s, to := scene(t, "hog")
	s.Cgroup = dir
	if _, err := s.play(t, t.Context(), to); err == nil || !strings.Contains(err.Error(), "it needs more than 64 MiB of memory") {
		t.Error(err)
	}
}
