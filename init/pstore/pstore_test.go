package pstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/init/sys"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// put writes a record as the kernel shows it.
func put(t *testing.T, root, name, text string, when time.Time) {
	t.Helper()
	file := filepath.Join(root, Dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
}

// TestRead: what Linux 6.12 leaves in EFI variables of two panics, in parts of which the first has the newest lines; a
// console in memory; what programs wrote is neither read nor removed.
func TestRead(t *testing.T) {
	root := t.TempDir()
	put(t, root, "dmesg-efi_pstore-176735520001001", "Panic#1 Part1\n<7>[    9.0] proa: boot 27/33 write-files\n<6>[    9.1] sysrq: Trigger a crash\n<0>[    9.2] Kernel panic - not syncing: sysrq triggered crash\n<4>[    9.3] CPU: 0 PID: 1 Comm: init\n<4>[    9.4] Hardware name: QEMU\n<4>[    9.5] Call Trace:\n<4>[    9.6]  <TASK>\n", noon)
	put(t, root, "dmesg-efi_pstore-176735520002001", "Panic#1 Part2\n<6>[    1.0] Kernel command line: k3s.token=secret\n<6>[    8.0] EXT4-fs: \x1b[31mmounted\x1b[0m\n<7>[    8.1] xhci: for debugging\n", noon.Add(time.Second))
	put(t, root, "dmesg-efi_pstore-176735160001001", "Panic#1 Part1\n<0>[    3.2] Kernel panic - not syncing: an hour before\n", noon.Add(-time.Hour))
	put(t, root, "dmesg-efi_pstore-176735160002001.enc.z", "\x00\x01", noon)
	put(t, root, "console-ramoops-0", "[    4.0] Booting\r\n[    4.1] mmc0: timeout\r\n", noon.Add(-2*time.Hour))
	put(t, root, "pmsg-ramoops-0", "of a program", noon)
	fake := &sys.Fake{}
	st := Read(fake, root)
	if len(st.Dumps) != 3 || st.Dumps[0].Panic != "sysrq triggered crash" || st.Dumps[1].Panic != "an hour before" || st.Dumps[2].Panic != "" {
		t.Fatalf("%+v", st.Dumps)
	}
	if calls := fake.String(); !strings.Contains(calls, "mount pstore") || !strings.Contains(calls, "unmount") {
		t.Error(calls)
	}
	want := []string{"[    8.0] EXT4-fs:  [31mmounted [0m", "[    9.0] proa: boot 27/33 write-files", "[    9.1] sysrq: Trigger a crash",
		"[    9.2] Kernel panic - not syncing: sysrq triggered crash", "[    9.3] CPU: 0 PID: 1 Comm: init", "[    9.4] Hardware name: QEMU"}
	if d := cmp.Diff(want, st.Dumps[0].Last(10)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[4:], st.Dumps[0].Last(2)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"[    4.0] Booting", "[    4.1] mmc0: timeout"}, st.Dumps[2].Last(10)); d != "" {
		t.Error(d)
	}
	if d := st.Since(noon.Add(-time.Minute)); d == nil || d.Panic != "sysrq triggered crash" {
		t.Errorf("%+v", d)
	}
	if d := st.Since(noon.Add(time.Minute)); d != nil {
		t.Errorf("an old one counts: %+v", d)
	}
	if err := st.Remove(fake); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(root + Dir + "/*"); len(left) != 1 || filepath.Base(left[0]) != "pmsg-ramoops-0" {
		t.Errorf("left: %q", left)
	}
}

// TestUnset: a panic before the clock was set counts; a record that is too large is not read, but removed.
func TestUnset(t *testing.T) {
	root, fake := t.TempDir(), &sys.Fake{}
	put(t, root, "dmesg-ramoops-0", "Panic#1 Part1\n<0>[    3.2] Kernel panic - not syncing: early\n", time.Unix(12, 0))
	put(t, root, "dmesg-ramoops-1", strings.Repeat("x", maxRecord+1), noon)
	st := Read(fake, root)
	if d := st.Since(noon); len(st.Dumps) != 1 || d == nil || d.Panic != "early" {
		t.Errorf("%+v", st.Dumps)
	}
	if err := st.Remove(fake); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(root + Dir + "/*"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if st := Read(fake, t.TempDir()); len(st.Dumps) != 0 || st.Remove(fake) != nil {
		t.Errorf("%+v", st)
	}
}
