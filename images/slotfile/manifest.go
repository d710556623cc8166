package slotfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/verity"
)

const (
	// Format is the version of the manifest's format.
	Format = 2
	// ManifestName is the name of the first entry, and of the copy that a device keeps in the slot's directory.
	ManifestName = "manifest.json"
	// ProvedName is the file that a device creates in the directory of a slot that was good. No file of a slot may have
	// this name.
	ProvedName = "proved"
	// RootName is the name of the last entry.
	RootName = "root.img"
	// MaxManifest and MaxScript limit what a reader keeps in memory; scripts are the files of boot-a and boot-b.
	MaxManifest = 1 << 20
	MaxScript   = 64 << 10
	maxScripts  = 16

	// TempSuffix ends the names of incompletely written files; no file of a slot may have such a name.
	TempSuffix = ".tmp"
)

// Manifest lists what a slot consists of.
type Manifest struct {
	Format  int    `json:"format"`
	Board   string `json:"board"`
	Layout  int    `json:"layout"`
	Version string `json:"version"` // of proa
	Cmdline string `json:"cmdline"` // without proa.slot=
	Root    Root   `json:"root"`
	Files   []File `json:"files"` // all other entries, in the order of the archive
}

// Root describes root.img: an EROFS image followed by its verity tree.
type Root struct {
	Size  int64  `json:"size"`  // of root.img
	Image int64  `json:"image"` // proa.rootsize
	Hash  string `json:"hash"`  // proa.roothash
}

// File describes one entry.
type File struct {
	Name   string `json:"name"` // boot/vmlinuz
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// boot is the first directory of a slot's boot files.
const boot = "boot"

// Common is what the names of files begin with that are the same for both slots.
const Common = boot + "/"

// Own is what the names of files begin with that are for one slot only, because they name it.
func Own(s layout.Slot) string { return boot + "-" + string(s) + "/" }

// groups is the order of entries by their first directory.
var groups = []string{boot, boot + "-" + string(layout.A), boot + "-" + string(layout.B), RootName}

// Title is what a boot menu shows of a slot with that version of proa.
func Title(version string) string { return "proa " + version }

func (f File) split() (group int, rest string) {
	dir, rest, _ := strings.Cut(f.Name, "/")
	for i, g := range groups {
		if g == dir && (rest == "") == (g == RootName) {
			return i, rest
		}
	}
	return -1, ""
}

// For returns the name that an entry has in the directory of slot; ok is false for the root image and for files of the
// other slot.
func (f File) For(slot layout.Slot) (name string, ok bool) {
	group, rest := f.split()
	return rest, group == 0 || group > 0 && groups[group]+"/" == Own(slot)
}

// Script says whether the file is for one slot only, as boot scripts are: without it the slot cannot be booted.
func (f File) Script() bool {
	group, _ := f.split()
	return group == 1 || group == 2
}

// Encode returns the manifest as JSON in its canonical form.
func (m Manifest) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// ParseManifest reads what Encode wrote and refuses everything else.
func ParseManifest(b []byte) (Manifest, error) {
	if len(b) > MaxManifest {
		return Manifest{}, fmt.Errorf("manifest: %d bytes", len(b))
	}
	var of struct{ Format int }
	if err := json.Unmarshal(b, &of); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if of.Format != Format {
		return Manifest{}, formatError(of.Format)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	again, err := m.Encode()
	if err != nil || !bytes.Equal(again, b) {
		return Manifest{}, errors.Join(errors.New("manifest: unknown fields, or not formatted as proa writes it; this proa cannot read it"), err)
	}
	if err := m.check(); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// formatError says which of the two is too old.
func formatError(have int) error {
	if have < Format {
		return fmt.Errorf("manifest: format %d of an older proa, which signed no slots; this proa reads format %d: build or fetch the slot file of a newer release", have, Format)
	}
	return fmt.Errorf("manifest: format %d of a newer proa, this proa reads format %d: upgrade to a release in between first", have, Format)
}

var (
	word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)
	// cmdlines matches printable ASCII: the command line becomes one line in each boot loader's own format.
	cmdlines = regexp.MustCompile(`^[\x20-\x7e]+$`)
)

func (m Manifest) check() error {
	switch {
	case !word.MatchString(m.Board) || !word.MatchString(m.Version) || m.Layout <= 0:
		return fmt.Errorf("board %q, layout %d, version %q", m.Board, m.Layout, m.Version)
	case !cmdlines.MatchString(m.Cmdline) || cmdline.NamesSlot(m.Cmdline):
		return fmt.Errorf("command line %q", m.Cmdline)
	case !slotsig.Digest(m.Root.Hash):
		return fmt.Errorf("root hash %q", m.Root.Hash)
	case m.Root.Image <= 0 || m.Root.Image%verity.BlockSize != 0 || m.Root.Size%verity.BlockSize != 0 || m.Root.Size-m.Root.Image < verity.BlockSize:
		return fmt.Errorf("root of %d bytes with an image of %d", m.Root.Size, m.Root.Image)
	}
	return m.checkFiles()
}

// checkFiles requires the entries in order, the root image once and last, and for each slot names that differ on a
// case-insensitive FAT file system.
func (m Manifest) checkFiles() error {
	seen := map[layout.Slot]map[string]bool{layout.A: {}, layout.B: {}}
	scripts, last := 0, File{}
	for i, f := range m.Files {
		if err := f.check(); err != nil {
			return err
		}
		if i > 0 && !last.before(f) {
			return fmt.Errorf("%s stands behind %s", f.Name, last.Name)
		}
		for slot, names := range seen {
			if name, ok := f.For(slot); ok && !claim(names, name) {
				return fmt.Errorf("%s: slot %s would have two files of that name", f.Name, slot)
			}
		}
		if last = f; f.Script() {
			scripts++
		}
	}
	if last.Name != RootName || last.Size != m.Root.Size {
		return fmt.Errorf("the last file is %q of %d bytes, want %s of %d", last.Name, last.Size, RootName, m.Root.Size)
	}
	if scripts > maxScripts {
		return fmt.Errorf("%d files that name their slot, at most %d", scripts, maxScripts)
	}
	return nil
}

func (f File) before(g File) bool {
	a, x := f.split()
	b, y := g.split()
	return a < b || a == b && x < y
}

var part = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

func (f File) check() error {
	group, rest := f.split()
	if group < 0 || len(f.Name) > maxName || !fs.ValidPath(f.Name) {
		return fmt.Errorf("%q is no file of a slot", f.Name)
	}
	for _, p := range strings.Split(f.Name, "/") {
		if !part.MatchString(p) || strings.HasSuffix(p, ".") || strings.HasSuffix(strings.ToLower(p), TempSuffix) {
			return fmt.Errorf("%q is no file of a slot", f.Name)
		}
	}
	if strings.EqualFold(rest, ManifestName) || strings.EqualFold(rest, slotsig.Name) || strings.EqualFold(rest, ProvedName) {
		return fmt.Errorf("%q is where the manifest or what belongs to it is kept", f.Name)
	}
	if f.Size < 0 || f.Size > maxSize || f.Script() && f.Size > MaxScript || !slotsig.Digest(f.SHA256) {
		return fmt.Errorf("%s: %d bytes, sha256 %q", f.Name, f.Size, f.SHA256)
	}
	return nil
}

// claim registers a name and its parent directories. It returns false if the name is taken, also as a directory.
func claim(names map[string]bool, name string) bool {
	name = strings.ToLower(name)
	if _, taken := names[name]; taken {
		return false
	}
	for at := 0; ; {
		i := strings.IndexByte(name[at:], '/')
		if i < 0 {
			break
		}
		at += i + 1
		if isFile := names[name[:at-1]]; isFile {
			return false
		}
		names[name[:at-1]] = false
	}
	names[name] = true
	return true
}
