package uboot

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/layout"
)

var when = time.Unix(1_700_000_000, 0)

func TestImageGolden(t *testing.T) {
	got := hex.EncodeToString(Image("proa", []byte("echo\n"), when))
	want := "27051956" + "c4ee3529" + "6553f100" + "0000000d" + "00000000" + "00000000" + "d56829f8" + "05020600" +
		"70726f61" + strings.Repeat("00", 28) + "00000005" + "00000000" + hex.EncodeToString([]byte("echo\n"))
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// TestImageIsMkimages: Image writes the same bytes as mkimage.
func TestImageIsMkimages(t *testing.T) {
	bin, dir := oracle.Tool(t, "mkimage"), t.TempDir()
	for _, text := range []string{"x", "echo\n", strings.Repeat("echo proa\n", 1000)} {
		for _, name := range []string{"", "proa", strings.Repeat("n", 32), strings.Repeat("n", 40)} {
			in, out := filepath.Join(dir, "boot.cmd"), filepath.Join(dir, "boot.scr")
			if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(bin, "-A", "arm", "-O", "linux", "-T", "script", "-C", "none", "-n", name, "-d", in, out)
			cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("mkimage: %v\n%s", err, msg)
			}
			want, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if got := Image(name, []byte(text), when); !bytes.Equal(got, want) {
				t.Errorf("%q of %d bytes:\n% x, want\n% x", name, len(text), got[:min(len(got), 80)], want[:min(len(want), 80)])
			}
		}
	}
}

// TestFIT: mkimage accepts what FIT writes, with its checksum.
func TestFIT(t *testing.T) {
	file := filepath.Join(t.TempDir(), "boot.scr")
	if err := os.WriteFile(file, FIT("proa", []byte("echo\n"), when), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(oracle.Tool(t, "mkimage"), "-l", file).CombinedOutput()
	for _, want := range []string{"FIT description: proa", "Type:         Script", "Data Size:    5 Bytes", "Hash value:   fa175323"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("nothing says %q: %v\n%s", want, err, out)
		}
	}
}

func board() Board {
	return Board{Start: "bootz", StateBlock: 0x92000, DTB: "bcm2836-rpi-2-b.dtb", Addresses: Addresses{
		Kernel: 0x1000000, Comp: 0x4000000, Initrd: 0x3000000, FDT: 0x2f00000, Script: 0x2e00000, State: 0x2d00000,
	}}
}

// The scripts are golden files, so that a change of what runs before Linux shows in a review.
func TestScriptsGolden(t *testing.T) {
	boot, err := Script(board())
	if err != nil {
		t.Fatal(err)
	}
	slot, err := SlotScript(board(), layout.B, `console=ttyAMA0,115200 hostname=it's\ proa.slot=b`)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "boot", string(boot))
	golden.Check(t, "slot", string(slot))
}

func TestNewScripts(t *testing.T) {
	s, err := NewScripts(board(), layout.A, "quiet", when)
	if err != nil || !bytes.Contains(s.Boot, []byte("\x00# Chooses the slot")) || !bytes.Contains(s.Slot, []byte("slots/a/vmlinuz")) {
		t.Errorf("%.80q %.80q %v", s.Boot, s.Slot, err)
	}
	for name, change := range map[string]func(*Board){
		"command":     func(b *Board) { b.Start = "bootm" },
		"device tree": func(b *Board) { b.DTB = "" },
		"tree's room": func(b *Board) { b.FDT = 0 },
		"unpacking":   func(b *Board) { b.Start, b.Comp = "booti", 0 },
		"kernel":      func(b *Board) { b.Kernel = 0 },
		"state":       func(b *Board) { b.State = 0x1001 },
	} {
		b := board()
		change(&b)
		if _, err := NewScripts(b, layout.A, "quiet", when); err == nil {
			t.Errorf("wrong %s accepted", name)
		}
	}
	if _, err := NewScripts(board(), layout.A, "a\nb", when); err == nil {
		t.Error("a command line of two lines was accepted")
	}
}
