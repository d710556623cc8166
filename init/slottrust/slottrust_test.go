package slottrust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/slot"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func save(t *testing.T, path string, b []byte) {
	t.Helper()
	must(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600)))
}

// TestLoad: no keys.json is an unsigned image; one that cannot be read accepts nothing; the initramfs and the root have
// it in different places.
func TestLoad(t *testing.T) {
	good, err := testkey.Keys().Encode()
	must(t, err)
	throwaway := testkey.Keys()
	throwaway.Development = true
	marked, err := throwaway.Encode()
	must(t, err)
	sig, err := testkey.Sign([]byte("m"))
	must(t, err)
	for name, c := range map[string]struct {
		file            []byte
		unsigned, signs bool
		warning         string
	}{
		"keys":        {good, false, true, ""},
		"development": {marked, false, true, "development keys: anybody with "},
		"none":        {nil, true, true, "unsigned: this image was built without keys"},
		"damaged":     {good[1:], false, false, "cannot be read, so no slot is accepted"},
		"empty":       {[]byte{}, false, false, "cannot be read"},
	} {
		for path, load := range map[string]func(string) Trust{slotsig.EarlyPath: Early, slotsig.RootPath: Installed} {
			root := t.TempDir()
			if c.file != nil {
				save(t, filepath.Join(root, path), c.file)
			}
			trust, said := load(root), ""
			guards := trust.Guards(func(format string, args ...any) { said += fmt.Sprintf(format, args...) })
			if guards == c.unsigned || said != trust.Warning() || !strings.Contains(said, c.warning) || (said == "") != (c.warning == "") {
				t.Errorf("%s: guards %t, said %q", name, guards, said)
			}
			if got := trust.Check([]byte("m"), sig) == nil; got != c.signs {
				t.Errorf("%s: a signed slot: %t", name, got)
			}
			if got := trust.Check([]byte("m"), nil) == nil; got != c.unsigned {
				t.Errorf("%s: no signatures: %t", name, got)
			}
		}
	}
	if err := (Trust{}).Check([]byte("m"), sig); err == nil {
		t.Error("without keys having been loaded a slot was accepted")
	}
}

const shared = "console=tty0 panic=10 proa.mode=disk proa.board=pc proa.roothash=%s proa.rootsize=8192"

var hash = strings.Repeat("ab", 32)

// manifest is that of a slot with such a root.
func manifest(t *testing.T) []byte {
	t.Helper()
	b, err := slotfile.Manifest{Format: slotfile.Format, Board: "pc", Layout: layout.Version, Version: "v1", Cmdline: fmt.Sprintf(shared, hash),
		Root:  slotfile.Root{Size: 4 * verity.BlockSize, Image: 2 * verity.BlockSize, Hash: hash},
		Files: []slotfile.File{{Name: "boot/vmlinuz", Size: 1, SHA256: hash}, {Name: slotfile.RootName, Size: 4 * verity.BlockSize, SHA256: hash}}}.Encode()
	must(t, err)
	return b
}

func started(t *testing.T, raw string) cmdline.Line {
	t.Helper()
	l, err := cmdline.Parse(raw)
	must(t, err)
	return l
}

// TestBoot: on every boot chain, the slot that runs must be signed, and the kernel started as its manifest says.
func TestBoot(t *testing.T) {
	signed := manifest(t)
	sig, err := testkey.Sign(signed)
	must(t, err)
	foreign, err := testkey.Other(signed)
	must(t, err)
	line := fmt.Sprintf(shared, hash) + " proa.slot=b"
	changed := strings.Replace(string(signed), "panic=10", "panic=11", 1)
	for name, c := range map[string]struct {
		line      string
		text, sig []byte
		want      string
	}{
		"as signed":           {line, signed, sig, ""},
		"words of firmware":   {"BOOT_IMAGE=/x coherent_pool=1M " + line + " proa.fallback=a:3 hostname=x", signed, sig, ""},
		"another console":     {strings.Replace(line, "console=tty0", "console=ttyAMA0", 1), signed, sig, ""},
		"no watchdog":         {line + " proa.watchdog=off", signed, sig, ""},
		"changed manifest":    {line, []byte(changed), sig, "does not match"},
		"another key":         {line, signed, foreign, "not signed by keys"},
		"unsigned":            {line, signed, slotsig.Unsigned(), "0 of 0 signatures"},
		"no signature":        {line, signed, nil, "manifest.sig is missing"},
		"no manifest":         {line, nil, sig, "the slot has no manifest"},
		"not a manifest":      {line, []byte("{}"), sig, "manifest: format 0"},
		"another root":        {strings.Replace(line, hash, strings.Repeat("cd", 32), 1), signed, sig, "root hash cdcdcdcdcdcd…, the signed manifest has abab"},
		"another size":        {strings.Replace(line, "8192", "4096", 1), signed, sig, "a root of 4096 bytes, the signed manifest has 8192"},
		"another board":       {strings.Replace(line, "board=pc", "board=rpi4", 1), signed, sig, `the board "rpi4"`},
		"a word less":         {strings.Replace(line, "panic=10 ", "", 1), signed, sig, `without "panic=10"`},
		"a word of proa more": {line + " proa.medium=X", signed, sig, `with "proa.medium=X"`},
		"a word twice":        {"proa.roothash=" + strings.Repeat("cd", 32) + " " + line, signed, sig, `with "proa.roothash=cd`},
	} {
		for _, row := range []string{chain.GRUB, chain.SystemdBoot, chain.UBoot, chain.Tryboot} {
			s, dir := machine(t, row)
			if c.text != nil {
				save(t, filepath.Join(dir, slotfile.ManifestName), c.text)
			}
			if c.sig != nil {
				save(t, filepath.Join(dir, slotsig.Name), c.sig)
			}
			err := Of(testkey.Keys()).Boot(s, started(t, c.line))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: %v, want %q", name, row, err, c.want)
			}
		}
	}
}

// machine runs slot b of a disk with that boot chain; under tryboot the slot has a partition of its own.
func machine(t *testing.T, name string) (slot.Slots, string) {
	t.Helper()
	boot := t.TempDir()
	b := slot.Boot{Chain: chain.Rows(name)[0], Dir: boot}
	dir := filepath.Join(boot, "slots/b")
	if b.Chain.OwnBoot {
		dir = t.TempDir()
		b.Mount = func(of layout.Slot, write bool, use func(string) error) error {
			if of != layout.B || write {
				return fmt.Errorf("slot %s, write %t", of, write)
			}
			return use(dir)
		}
	}
	s, err := slot.Find(b, layout.B)
	must(t, err)
	return s, dir
}

// TestMedium: a live medium has words of its own, but the root must be the signed one.
func TestMedium(t *testing.T) {
	dir, signed := t.TempDir(), manifest(t)
	sig, err := testkey.Sign(signed)
	must(t, err)
	save(t, filepath.Join(dir, slotfile.ManifestName), signed)
	save(t, filepath.Join(dir, slotsig.Name), sig)
	line := "quiet proa.mode=live proa.medium=PROA proa.board=pc proa.rootsize=8192 proa.roothash=" + hash
	trust := Of(testkey.Keys())
	if err := trust.Medium(dir, started(t, line)); err != nil {
		t.Error(err)
	}
	if err := trust.Medium(dir, started(t, strings.Replace(line, hash, strings.Repeat("cd", 32), 1))); err == nil {
		t.Error("another root")
	}
	if err := trust.Medium(t.TempDir(), started(t, line)); err == nil {
		t.Error("no manifest")
	}
}

// TestLargeFiles: a file that is no manifest is not read into memory whole.
func TestLargeFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, slotfile.ManifestName))
	must(t, err)
	must(t, errors.Join(f.Truncate(1<<40), f.Close()))
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprint(slotfile.MaxManifest+1)) {
		t.Error(err)
	}
}
