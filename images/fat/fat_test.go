package fat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

var when = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func spec(size int64) Spec {
	big := bytes.Repeat([]byte("kernel "), 300_000)
	return Spec{Size: size, Label: "PROA-BOOT", ID: 0xcafe1234, When: when, Files: []tree.Entry{
		tree.File("config.yaml", 0o644, tree.Bytes([]byte("hostname: one\n"))),
		tree.File("slots/a/vmlinuz", 0o644, tree.Bytes(big)),
		tree.File("slots/a/initrd", 0o644, tree.Bytes(big[:5000])),
		tree.File("loader/entries/proa-a+3.conf", 0o644, tree.Bytes([]byte("title x\n"))),
		tree.File("EFI/BOOT/BOOTX64.EFI", 0o644, tree.Bytes([]byte("MZ"))),
		tree.File("empty", 0o644, tree.Bytes(nil)),
		tree.Dir("slots/b", 0o755),
	}}
}

// judge runs an external checker on an image and fails the test with its output.
func judge(t *testing.T, tool string, args ...string) string {
	t.Helper()
	bin := oracle.Tool(t, tool)
	out, err := exec.Command(bin, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", tool, args, err, out)
	}
	return string(out)
}

func write(t *testing.T, at, size int64) (string, *os.File) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fat.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(at + size); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, at, spec(size)); err != nil {
		t.Fatal(err)
	}
	return name, f
}

func TestFsckFindsNothing(t *testing.T) {
	for _, size := range []int64{MinSize, 64 * layout.MiB, 288 * layout.MiB, 35*layout.MiB + 512} {
		name, _ := write(t, 0, size)
		out := judge(t, "fsck.fat", "-n", "-v", name)
		if lines := strings.Count(out, "\n"); strings.Contains(out, "wrong") || strings.Contains(out, "differ") || strings.Contains(out, "unset") {
			t.Errorf("%d lines from fsck.fat:\n%s", lines, out)
		}
	}
}

func TestMtoolsReadsTheFiles(t *testing.T) {
	name, _ := write(t, 0, 64*layout.MiB)
	got := judge(t, "mtype", "-i", name, "::/slots/a/vmlinuz")
	if want, _ := spec(0).Files[1].Content.ReadAll(); got != string(want) {
		t.Errorf("vmlinuz: %d bytes, want %d", len(got), len(want))
	}
	list := judge(t, "mdir", "-i", name, "-/", "::/")
	for _, want := range []string{"PROA-BOOT", "CAFE-1234", "proa-a+3.conf", "2026-11-01  12:00", "config.yaml"} {
		if !strings.Contains(list, want) {
			t.Errorf("mdir does not show %q:\n%s", want, list)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	a, _ := write(t, 0, MinSize)
	t.Setenv("SOURCE_DATE_EPOCH", "1") // go-diskfs reads it; the result must not depend on it
	b, _ := write(t, 0, MinSize)
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err != nil || err2 != nil || len(x) != MinSize || !bytes.Equal(x, y) {
		t.Errorf("two runs differ, or are no file systems: %d and %d bytes, %v, %v", len(x), len(y), err, err2)
	}
}

func TestInjectReplacesInPlace(t *testing.T) {
	const at = layout.MiB
	name, f := write(t, at, MinSize)
	long := bytes.Repeat([]byte("hostname: two\n"), 3000)
	for _, data := range [][]byte{long, []byte("hostname: three\n")} {
		if err := Inject(f, at, MinSize, "config.yaml", data, when.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(f, at, MinSize, "config.yaml")
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("read back %d bytes, %v; want %d", len(got), err, len(data))
		}
	}
	if err := Inject(f, at, MinSize, "empty", []byte("no longer\n"), when); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(f, at, MinSize, "empty"); err != nil || string(got) != "no longer\n" {
		t.Fatalf("empty: %q, %v", got, err)
	}
	if err := Inject(f, at, MinSize, "wifi/secret.yaml", []byte("x"), when); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.img")
	raw, _ := os.ReadFile(name)
	if err := os.WriteFile(cut, raw[at:], 0o600); err != nil {
		t.Fatal(err)
	}
	judge(t, "fsck.fat", "-n", cut)
	list := judge(t, "mdir", "-i", cut, "-/", "::/")
	if !strings.Contains(list, "2026-11-01  13:00") || !strings.Contains(list, "2026-11-01  12:00") {
		t.Errorf("times after Inject:\n%s", list)
	}
}

func TestRefusals(t *testing.T) {
	if err := Write(sparse.New(0), 0, Spec{Size: 1 << 20}); err == nil {
		t.Error("1 MiB accepted as FAT32")
	}
	s := Spec{Size: MinSize, Label: "X", Files: []tree.Entry{tree.Symlink("a", "b")}}
	if err := Write(sparse.New(MinSize), 0, s); err == nil {
		t.Error("symbolic link accepted")
	}
}
