// Package slotimage has the one value that a slot is made of: kernel, initrd, device trees, root image and command line.
// It lists the files of a slot for each boot chain that the board has, and writes the slot file. What belongs to no slot
// is in images/bootfs.
package slotimage

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
	"github.com/proa-os/proa/images/verity"
)

// Slot is the content of a slot; its name is all in which slot a differs from slot b.
type Slot struct {
	Board, Version string
	Words          []string // of the command line, in front of proa's own
	Kernel, Initrd tree.Content
	DTB            map[string]tree.Content // device trees by path; nil if the firmware provides the tree
	Image          tree.Content            // of the root, with its hash tree
	Root           verity.Root             // which verifies it

	Chains    chain.List     // what boots the board
	UBoot     uboot.Board    // for U-Boot
	ConfigTxt tryboot.Config // for tryboot
	// Firmware has other files that the firmware reads under tryboot: overlays/, start4.elf. They are replaced with the
	// slot.
	Firmware []tree.Entry
	When     time.Time // time in the header of U-Boot's scripts

	Sign slotfile.Sign // signs the manifest; nil: unsigned
}

// Title is what a boot menu shows.
func (s Slot) Title() string { return slotfile.Title(s.Version) }

// Shared returns the command line that both slots have in common. For images.OnDisk it is completed by
// cmdline.OfSlot.
func (s Slot) Shared(l cmdline.Line) string {
	l.Board, l.Root = s.Board, s.Root
	return strings.Join(slices.Concat(s.Words, l.Words()), " ")
}

// Cmdline returns the command line of a slot; of layout.Shared it is that which both have in common.
func (s Slot) Cmdline(of layout.Slot) string {
	return s.Shared(cmdline.Line{Mode: images.OnDisk, Slot: of})
}

// starters write what starts a slot, for each chain that reads it from the slot's directory.
var starters = map[string]func(Slot, layout.Slot) ([]tree.Entry, error){
	chain.GRUB: func(s Slot, of layout.Slot) ([]tree.Entry, error) {
		return []tree.Entry{text(grubenv.SlotFile, grubenv.SlotConfig(of, s.Cmdline(of)))}, nil
	},
	chain.UBoot: func(s Slot, of layout.Slot) ([]tree.Entry, error) {
		scripts, err := uboot.NewScripts(s.UBoot, of, s.Cmdline(of), s.When)
		return []tree.Entry{text(uboot.ScriptFile, scripts.Slot)}, err
	},
	chain.Tryboot: func(s Slot, of layout.Slot) ([]tree.Entry, error) {
		config, err := s.ConfigTxt.Text()
		if err != nil {
			return nil, err
		}
		line, err := tryboot.Cmdline(s.Cmdline(of))
		own := []tree.Entry{text(tryboot.CmdlineFile, line), text(tryboot.ConfigFile, config)}
		return append(own, s.Firmware...), err
	},
}

func text(name string, b []byte) tree.Entry { return tree.File(name, 0o644, tree.Bytes(b)) }

// Files returns the files in the directory of the slot of that name, or in its own boot partition.
func (s Slot) Files(of layout.Slot) ([]tree.Entry, error) {
	list := []tree.Entry{tree.File(layout.KernelFile, 0o644, s.Kernel), tree.File(layout.InitrdFile, 0o644, s.Initrd)}
	for _, c := range s.Chains {
		if start := starters[c.Name]; start != nil {
			more, err := start(s, of)
			if err != nil {
				return nil, fmt.Errorf("slot %s of %s: %w", of, s.Board, err)
			}
			list = append(list, more...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.DTB)) {
		to := layout.DTBDir + "/" + name
		if s.Chains.OwnBoot() {
			to = path.Base(name) // where the firmware looks for the tree of its model
		}
		list = append(list, tree.File(to, 0o644, s.DTB[name]))
	}
	return list, nil
}

// Write writes the slot file.
func (s Slot) Write(w io.Writer, progress slotfile.Progress) error {
	c, err := s.contents()
	if err != nil {
		return err
	}
	return slotfile.Write(w, c, progress)
}

// Manifest returns the slot file's manifest, which a new image stores in its slot a.
func (s Slot) Manifest() ([]byte, error) {
	c, err := s.contents()
	if err != nil {
		return nil, err
	}
	m, err := slotfile.NewManifest(c)
	if err != nil {
		return nil, err
	}
	return m.Encode()
}

// Signed returns the manifest and its manifest.sig.
func (s Slot) Signed() (manifest, sig []byte, err error) {
	if manifest, err = s.Manifest(); err != nil {
		return nil, nil, err
	}
	sig, err = s.Sign.Of(manifest)
	return manifest, sig, err
}

// contents has each slot's own files and, once, those that are the same for both.
func (s Slot) contents() (slotfile.Contents, error) {
	c := slotfile.Contents{Board: s.Board, Version: s.Version, Cmdline: s.Cmdline(layout.Shared),
		Root: s.Image, Image: s.Root.Size, Hash: s.Root.Hash, Sign: s.Sign}
	for _, of := range layout.Slots() {
		files, err := s.Files(of)
		if err != nil {
			return c, err
		}
		for _, e := range files {
			switch {
			case s.Chains.ForOne(e.Path):
				c.Files = append(c.Files, tree.File(slotfile.Own(of)+e.Path, 0o600, e.Content))
			case of == layout.A:
				c.Files = append(c.Files, tree.File(slotfile.Common+e.Path, 0o600, e.Content))
			}
		}
	}
	return c, nil
}
