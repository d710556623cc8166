package iso

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

func spec() Spec {
	blob := func(n int, c byte) []byte { return bytes.Repeat([]byte{c, 7, 0, 9}, n/4) }
	return Spec{
		Label: layout.ISOLabel, Title: "proa test", Seed: "test", When: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		Cmdline: "proa.mode=live", Config: []byte("hostname: one\n"),
		Kernel: tree.Bytes(blob(3*layout.MiB+512, 'k')), Initrd: tree.Bytes(blob(5000, 'i')), Root: tree.Bytes(blob(5*layout.MiB+4096, 'r')),
		UEFI: UEFI{SystemdBoot: blob(8000, 'e'), EFIName: "BOOTX64.EFI"},
		BIOS: BIOS{Isolinux: blob(24000, 'b'), Ldlinux: blob(11000, 'l'), HybridMBR: blob(432, 'm')},
	}
}

func write(t *testing.T, s Spec) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "proa.iso")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(MaxSize(s)); err != nil {
		t.Fatal(err)
	}
	size, err := Write(f, s, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if size > MaxSize(s) {
		t.Errorf("size %d, at most %d promised", size, MaxSize(s))
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return name
}

func xorriso(t *testing.T, args ...string) string {
	t.Helper()
	bin := oracle.Tool(t, "xorriso")
	out, err := exec.Command(bin, args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "FAILURE") || strings.Contains(string(out), "WARNING") {
		t.Fatalf("xorriso %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestXorrisoReadsTheFiles(t *testing.T) {
	s, dir := spec(), t.TempDir()
	xorriso(t, "-osirrox", "on", "-indev", write(t, s), "-extract", "/", dir)
	esp, err := espImage(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.files(esp) {
		want, _ := f.content.ReadAll()
		got, err := os.ReadFile(filepath.Join(dir, f.path))
		if f.path == layout.ConfigFile { // the tree has the room for any
			want = s.Config
		}
		if f.path == "isolinux/isolinux.bin" && err == nil { // its boot information table has been filled in
			want, got = want[64:], got[64:]
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d; %v", f.path, len(got), len(want), err)
		}
	}
}

func TestXorrisoSeesBootRecords(t *testing.T) {
	report := xorriso(t, "-indev", write(t, spec()), "-report_el_torito", "plain", "-report_system_area", "plain")
	for _, want := range []string{
		"Volume id    : 'PROA'",
		"El Torito boot img :   1  BIOS  y   none",
		"El Torito boot img :   2  UEFI  y   none",
		"MBR partition      :   1   0x80  0x17            0",
		"MBR partition      :   2   0x00  0xef",
		"El Torito img opts :   1  boot-info-table",
		"MBR partition path :   2  /boot/esp.img",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
}

// The image must not depend on the host's time, umask and user.
func TestSameInputSameBytes(t *testing.T) {
	a, err := os.ReadFile(write(t, spec()))
	time.Sleep(1100 * time.Millisecond)
	t.Setenv("SOURCE_DATE_EPOCH", "1")
	defer syscall.Umask(syscall.Umask(0o077))
	b, err2 := os.ReadFile(write(t, spec()))
	if err != nil || err2 != nil || len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%d and %d bytes, %v, %v", len(a), len(b), err, err2)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("differ at byte %d (sector %d)", i, i/sector)
		}
	}
}

func TestTextsOfTheDescriptorArePaddedWithSpaces(t *testing.T) {
	data, err := os.ReadFile(write(t, spec()))
	if err != nil {
		t.Fatal(err)
	}
	pvd := data[16*sector:]
	if label, want := string(pvd[40:72]), layout.ISOLabel+strings.Repeat(" ", 28); label != want {
		t.Errorf("volume label %q, want %q", label, want)
	}
	if publisher := string(pvd[318:446]); strings.Contains(publisher, "\x00") {
		t.Errorf("publisher %q has zeros", publisher)
	}
}

// TestNoOtherCommandLine: nobody at the keyboard can edit the kernel command line, with isolinux as with systemd-boot.
func TestNoOtherCommandLine(t *testing.T) {
	text := string(isolinuxConfig(Spec{Cmdline: "proa.mode=live"}))
	for _, line := range []string{"PROMPT 0", "NOESCAPE 1", "ALLOWOPTIONS 0", "NOCOMPLETE 1"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
}
