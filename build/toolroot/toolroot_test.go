package toolroot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrappedProgramRuns takes the host's own loader, libraries and a program for a tool root, so that
// it needs no download: what is proven is that the script finds its way from any directory and name.
func TestWrappedProgramRuns(t *testing.T) {
	if _, err := os.Stat("/" + loader); err != nil {
		t.Skip("not a Debian-like amd64 host")
	}
	dir := t.TempDir()
	final := filepath.Join(t.TempDir(), "it's here")
	for _, sub := range []string{"usr/bin", "usr/lib/x86_64-linux-gnu"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, "/usr/bin/env", filepath.Join(dir, "usr/bin/env"))
	copyFile(t, "/"+loader, filepath.Join(dir, loader))
	copyFile(t, "/"+libs+"/libc.so.6", filepath.Join(dir, libs, "libc.so.6"))
	if err := Wrap(dir, final); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, final); err != nil {
		t.Fatal(err)
	}
	if isProgram(filepath.Join(final, libs, "libc.so.6")) {
		t.Error("libc was taken for a program")
	}
	out, err := exec.Command(Root{final}.Tool("env"), "-i", "ANSWER=4 2").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ANSWER=4 2") {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
