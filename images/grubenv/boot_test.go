package grubenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
)

func TestSlotConfigQuotes(t *testing.T) {
	got := string(SlotConfig(layout.B, `console=ttyS0,115200 hostname=it's a=$b "c;d"`))
	want := `linux /slots/b/vmlinuz console=ttyS0,115200 'hostname=it'\''s' 'a=$b' '"c;d"' $fallback` + "\ninitrd /slots/b/initrd\n"
	if got != want {
		t.Errorf("got  %s want %s", got, want)
	}
}

// grub.cfg and this package must use the same names.
func TestConfigNamesTheSame(t *testing.T) {
	text := string(Config())
	for _, want := range []string{File(0), File(1), "seq good try left check", `/slots/$1/grub.cfg`, "proa.fallback="} {
		if !strings.Contains(text, want) {
			t.Errorf("grub.cfg does not mention %s", want)
		}
	}
}

func TestScriptCheckAccepts(t *testing.T) {
	bin := oracle.Tool(t, "grub-script-check")
	name := filepath.Join(t.TempDir(), "grub.cfg")
	if err := os.WriteFile(name, append(Config(), SlotConfig(layout.A, "a=$b it's")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
