package toolroot

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrappedProgramRuns uses the host's own loader, libraries and a program as a tool root, so that it needs no
// download. It tests that the script finds its files from any directory and name.
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
	cmd := exec.Command(Root{final}.Tool("env"))
	cmd.Env = []string{"ANSWER=4 2", "LD_LIBRARY_PATH=/nonexistent", "LD_AUDIT=/nonexistent.so", "LC_ALL=tr_TR", "QEMU_MODULE_DIR=/nonexistent"}
	out, err := cmd.Output() // the shell's own loader prints a complaint
	if err != nil || !strings.Contains(string(out), "ANSWER=4 2\n") || !strings.Contains(string(out), "LC_ALL=C\n") || strings.Contains(string(out), "nonexistent") {
		t.Errorf("%v\n%s", err, out)
	}
	closed, err := os.ReadFile(filepath.Join(final, loader))
	if err != nil {
		t.Fatal(err)
	}
	for name := range hostFiles {
		if bytes.Contains(closed, []byte(name+"\x00")) {
			t.Errorf("the loader reads the host's %s", name)
		}
	}
}

// Each program's settings come from its own row.
func TestParts(t *testing.T) {
	for rel, want := range map[string]string{
		"usr/bin/qemu-system-x86_64":       " -L '/it'/usr/share/qemu",
		"usr/bin/x86_64-linux-gnu-gcc-14":  " unset GCC_EXEC_PREFIX",
		"usr/bin/xorriso":                  " -no_rc",
		"usr/bin/mtools":                   "export HOME='/it'",
		"usr/sbin/mke2fs":                  "export MKE2FS_CONFIG='/it'/etc/mke2fs.conf",
		"usr/libexec/gcc/x/14/collect2":    "",
		"usr/bin/x86_64-linux-gnu-gcov-14": "",
	} {
		env, args := parts("/it", rel)
		text := strings.ReplaceAll(env, "\n", " ") + args
		if common := "unset " + unset + " "; want == "" && text != common || !strings.Contains(" "+text, want) {
			t.Errorf("%s: %s", rel, text)
		}
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
