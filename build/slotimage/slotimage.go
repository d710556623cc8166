// Package slotimage assembles the slot file of a board from the outputs of other steps: kernel, initrd, device trees
// and root image. It lists the files as images/bootfs does for a new image, for each slot. It contains no boot loaders:
// these belong to no slot.
package slotimage

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

// Slot is the content of the file.
type Slot struct {
	Board, Version       string
	Kernel, Initrd, Root tree.Content
	DTB                  map[string]tree.Content
	Cmdline              string         // command line without proa.slot=; has root hash and size
	Chains               chain.List     // what boots the board
	UBoot                uboot.Board    // for U-Boot
	When                 time.Time      // time in the header of U-Boot's scripts
	ConfigTxt            tryboot.Config // for tryboot
	Firmware             []tree.Entry   // for tryboot: other files that the firmware reads
}

// Write writes the slot file.
func (s Slot) Write(w io.Writer, progress slotfile.Progress) error {
	c, err := s.contents()
	if err != nil {
		return fmt.Errorf("slot file of %s: %w", s.Board, err)
	}
	return slotfile.Write(w, c, progress)
}

// Manifest returns the slot file's manifest, which a new image stores in its slot a.
func (s Slot) Manifest() ([]byte, error) {
	c, err := s.contents()
	if err != nil {
		return nil, fmt.Errorf("slot file of %s: %w", s.Board, err)
	}
	m, err := slotfile.NewManifest(c)
	if err != nil {
		return nil, err
	}
	return m.Encode()
}

func (s Slot) contents() (slotfile.Contents, error) {
	c := slotfile.Contents{Board: s.Board, Version: s.Version, Cmdline: s.Cmdline, Root: s.Root}
	for _, word := range strings.Fields(s.Cmdline) {
		if hash, ok := strings.CutPrefix(word, "proa.roothash="); ok {
			c.Hash = hash
		}
		if size, ok := strings.CutPrefix(word, "proa.rootsize="); ok {
			n, err := strconv.ParseInt(size, 10, 64)
			if err != nil {
				return c, err
			}
			c.Image = n
		}
	}
	for _, slot := range layout.Slots() {
		files, err := s.files(slot)
		if err != nil {
			return c, err
		}
		c.Files = append(c.Files, files...)
	}
	return c, nil
}

// files returns a slot's own files and, with slot a, those that are the same for both.
func (s Slot) files(slot layout.Slot) (list []tree.Entry, err error) {
	loaders := bootfs.Loaders{Chains: s.Chains}
	cmdline := s.Cmdline + " proa.slot=" + string(slot)
	if s.Chains.Has(chain.UBoot) {
		if loaders.UBoot, err = uboot.NewScripts(s.UBoot, slot, cmdline, s.When); err != nil {
			return nil, err
		}
	}
	of := bootfs.Slot{Slot: slot, Kernel: s.Kernel, Initrd: s.Initrd, DTB: s.DTB, Cmdline: cmdline, Firmware: s.Firmware}
	all, dir := bootfs.Files(loaders, of, nil), slot.Dir()+"/"
	if s.Chains.OwnBoot() {
		if all, err = bootfs.OfSlot(of, s.ConfigTxt); err != nil {
			return nil, err
		}
		dir = "" // the root directory of the slot's partition
	}
	for _, e := range all {
		name, ok := strings.CutPrefix(e.Path, dir)
		switch {
		case !ok:
		case s.Chains.ForOne(name):
			list = append(list, tree.File("boot-"+string(slot)+"/"+name, 0o600, e.Content))
		case slot == layout.A:
			list = append(list, tree.File("boot/"+name, 0o600, e.Content))
		}
	}
	return list, nil
}
