package boot

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
)

// TestSignature: stage 1 reads the manifest of its slot from the boot partition, and refuses one that was changed since
// it was signed. The partition is unmounted in any case. An image without keys mounts nothing, and says so.
func TestSignature(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *Machine)
		no    string
	}{
		"signed":         {func(*testing.T, *Machine) {}, ""},
		"signatures":     {func(t *testing.T, _ *Machine) { save(t, BootDir+"/slots/b/"+slotsig.Name, slotsig.Unsigned()) }, "0 of 0 signatures"},
		"manifest":       {tamper, "does not match"},
		"command line":   {func(_ *testing.T, m *Machine) { m.Line.Raw = "loud proa.slot=b" }, `without "quiet"`},
		"root":           {func(_ *testing.T, m *Machine) { m.Line.Root.Size += verity.BlockSize }, "the signed manifest has"},
		"no boot":        {func(_ *testing.T, m *Machine) { m.Found.Disk = "sdx" }, "boot"},
		"never unsigned": {func(_ *testing.T, m *Machine) { m.Trust = slottrust.Trust{} }, "no keys of slots were loaded"},
		"unsigned image": {func(t *testing.T, m *Machine) { tamper(t, m); m.Trust = slottrust.Early(m.Root) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := pcWithTwo(t)
			text, err := os.ReadFile(BootDir + "/slots/b/" + slotfile.ManifestName)
			ok(t, err)
			manifest, err := slotfile.ParseManifest(text)
			ok(t, err)
			m.Line.Slot, m.Line.Raw = "b", "quiet proa.slot=b"
			m.Line.Root = verity.Root{Hash: manifest.Root.Hash, Size: manifest.Root.Image}
			said := ""
			m.Logf = func(format string, args ...any) { said += fmt.Sprintf(format, args...) }
			c.spoil(t, m)
			f := m.Sys.(*sys.Fake)
			f.Calls = nil
			err = checkSignature(t.Context(), m)
			if c.no == "" && err != nil || c.no != "" && (err == nil || !strings.Contains(err.Error(), c.no)) {
				t.Errorf("%v, want %q", err, c.no)
			}
			if n := strings.Count(f.String(), "unmount /boot"); n != strings.Count(f.String(), " /boot vfat") || n > 0 == (name == "unsigned image" || name == "no boot") {
				t.Errorf("calls:\n%s", f)
			}
			if strings.HasPrefix(said, "unsigned: ") != (name == "unsigned image") {
				t.Errorf("said %q", said)
			}
		})
	}
}

func tamper(t *testing.T, _ *Machine) {
	path := BootDir + "/slots/b/" + slotfile.ManifestName
	text, err := os.ReadFile(path)
	ok(t, err)
	save(t, path, []byte(strings.Replace(string(text), `"version": "v1"`, `"version": "v2"`, 1)))
}

// TestMediumSignature: a live medium is refused unless it has a signed manifest of its root.
func TestMediumSignature(t *testing.T) {
	m, _ := machine(t, map[string]string{liveDir[1:] + "/proa/x": ""})
	m.Trust = slottrust.Of(testkey.Keys())
	if err := checkMedium(t.Context(), m); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	m.Trust = slottrust.Early(m.Root)
	ok(t, checkMedium(t.Context(), m))
}
