package media

import (
	"os"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/slotimage"
	"github.com/proa-os/proa/images"
)

// SlotFile writes a slot file, which a running device writes to its other slot.
func SlotFile(file string, p Parts) error {
	s, err := p.slot()
	if err != nil {
		return err
	}
	of, err := p.slotimage(s)
	if err != nil {
		return err
	}
	return files.Create(file, func(f *os.File) error { return of.Write(f, p.Progress) })
}

// manifest returns the manifest for the slot of a new image, with which a device verifies that slot before it goes back
// to it.
func (p Parts) manifest(s slot) ([]byte, error) {
	of, err := p.slotimage(s)
	if err != nil {
		return nil, err
	}
	return of.Manifest()
}

func (p Parts) slotimage(s slot) (slotimage.Slot, error) {
	of := slotimage.Slot{Board: p.Board.Name, Version: p.Version, Kernel: s.kernel, Initrd: s.initrd, Root: s.root,
		Cmdline: Cmdline(p.Board, images.OnDisk, s.info), Chains: p.Board.SlotChains(),
		UBoot: p.Board.Scripts(), ConfigTxt: p.Board.ConfigTxt(), When: p.When}
	var err error
	if of.Chains.OwnBoot() {
		if of.Firmware, err = p.ownFirmware(); err != nil {
			return of, err
		}
	}
	of.DTB, err = p.deviceTrees()
	return of, err
}
