package boards

import (
	"errors"
	"fmt"
	"slices"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
)

// by returns the name of the chain that a kind of firmware starts.
func (b Boot) by(f chain.Firmware) string {
	return map[chain.Firmware]string{chain.UEFI: b.UEFI, chain.BIOS: b.BIOS, chain.ROM: b.ROM}[f]
}

// Chains returns the boot chains of an image of that kind.
func (b Board) Chains(kind string) (list chain.List) {
	for _, c := range chain.Table() {
		if b.Boot[kind].by(c.Firmware) == c.Name {
			list = append(list, c)
		}
	}
	return list
}

// SlotChains returns the boot chains that a slot of the board has files for: those of its disks and cards.
func (b Board) SlotChains() (list chain.List) {
	for _, k := range images.Kinds() {
		if k.Mode != images.OnDisk {
			continue
		}
		for _, c := range b.Chains(k.Name) {
			if !list.Has(c.Name) {
				list = append(list, c)
			}
		}
	}
	return list
}

// starts says whether a chain can start images of that kind.
func starts(c chain.Chain, kind string) bool {
	return slices.ContainsFunc(images.Kinds(), func(k images.Kind) bool {
		return k.Name == kind && (k.Mode == images.OnDisk && c.Disk || k.Mode == images.Live && c.Live)
	})
}

// validate checks that each chain is one which that firmware starts, from an image of that kind.
func (b Boot) validate(kind string) error {
	var errs []error
	for _, f := range []chain.Firmware{chain.UEFI, chain.BIOS, chain.ROM} {
		key, name := fmt.Sprintf("boot.%s.%s", kind, f), b.by(f)
		if name == "" {
			continue
		}
		if err := oneOf(key, name, chain.Names(f)); err != nil {
			errs = append(errs, err)
			continue
		}
		if c, err := chain.Named(name); err != nil || !starts(c, kind) {
			errs = append(errs, errors.Join(err, fmt.Errorf("%s: %s starts no image of kind %s", key, name, kind)))
		}
	}
	if b.UEFI != "" && b.ROM != "" {
		errs = append(errs, fmt.Errorf("boot.%s: U-Boot would start the UEFI loader before any script", kind))
	}
	return errors.Join(errs...)
}
