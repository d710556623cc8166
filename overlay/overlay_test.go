package overlay

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/tree"
)

func dirWith(t *testing.T, modes string) string {
	t.Helper()
	dir := t.TempDir()
	for name, perm := range map[string]os.FileMode{"rootfs/etc/passwd": 0o600, "rootfs/usr/bin/tool": 0o700, "rootfs.modes": 0o644} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(modes), perm); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../run/x", filepath.Join(dir, "rootfs/etc/x")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	entries, err = tree.Sort(entries)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%v %d:%d %s %s", e.Mode, e.UID, e.GID, e.Path, e.Target))
	}
	return out
}

func TestFiles(t *testing.T) {
	got := list(t, dirWith(t, "# comment\ndir tmp 1777 # sticky\nmode etc/passwd 0640 0 42\nlink sbin usr/sbin\n"))
	want := []string{
		"drwxr-xr-x 0:0 . ",
		"drwxr-xr-x 0:0 etc ",
		"-rw-r----- 0:42 etc/passwd ",
		"Lrwxrwxrwx 0:0 etc/x ../run/x",
		"Lrwxrwxrwx 0:0 sbin usr/sbin",
		"dtrwxrwxrwx 0:0 tmp ",
		"drwxr-xr-x 0:0 usr ",
		"drwxr-xr-x 0:0 usr/bin ",
		"-rwxr-xr-x 0:0 usr/bin/tool ", // independent of the umask of the clone
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestModesRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"dir etc/passwd 0755":   "already has",
		"mode etc/shadow 0600":  "has not",
		"dir tmp 1978":          "mode",
		"dir tmp":               "want:",
		"link a b 0 0":          "want:",
		"sock run/x 0600":       "want dir, mode or link",
		"dir tmp 0755 nobody 0": "uid",
	} {
		_, err := Files(dirWith(t, "\n"+line+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "rootfs.modes:2: ") {
			t.Errorf("%q: error %v; want one in line 2 with %q", line, err, want)
		}
	}
}

func TestOurOverlayIsSound(t *testing.T) {
	for _, want := range []string{"dtrwxrwxrwx 0:0 tmp ", "drwx------ 0:0 root ", "dr-xr-xr-x 0:0 proc ", "-rw------- 0:0 etc/shadow "} {
		found := false
		for _, line := range list(t, ".") {
			found = found || line == want
		}
		if !found {
			t.Errorf("no %q", want)
		}
	}
}
