package boot

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/softswap/handed"
	"github.com/proa-os/proa/init/sys"
)

// TestSwapped: PID 1 of a root that was taken by a soft swap is that of the slot that was handed over, whatever the kernel
// was started with, and mounts nothing again.
func TestSwapped(t *testing.T) {
	m := &Machine{Sys: &sys.Fake{}, Root: t.TempDir(), Ctx: t.Context(), Logf: t.Logf}
	root := verity.Root{Hash: strings.Repeat("b2", 32), Size: 8192}
	text, err := json.Marshal(Found{Disk: "vda", Trial: Trial{Known: true, On: true, Left: 3},
		Swap: &handed.Swap{Slot: layout.B, From: layout.A, Root: root, Mapped: "proa-root-b"}})
	for name, content := range map[string]string{"/proc/cmdline": "quiet proa.mode=disk proa.board=pc proa.slot=a proa.rootsize=4096 proa.roothash=" + strings.Repeat("a1", 32), Handover: string(text)} {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(m.Path(name)), 0o755), os.WriteFile(m.Path(name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	Resume(m)
	if m.Line.Slot != layout.B || m.Line.Root != root || !strings.HasPrefix(m.Line.Raw, "quiet ") || m.Found.Trial.Try() != 1 {
		t.Errorf("%+v", m.Line)
	}
	for _, s := range m.Rest() {
		switch s.Name {
		case "mounts", "overlay-etc", "mount-boot", "data", "persist", "swap":
			t.Errorf("%s again", s.Name)
		}
	}
	if all, rest := len(Stage2()), len(m.Rest()); all-rest != 6 {
		t.Errorf("%d of %d steps", rest, all)
	}
	m.Found.Swap = nil
	if len(m.Rest()) != len(Stage2()) {
		t.Error("after a boot steps are missing")
	}
}
