package diskimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// Files of an ISO that only the installer reads. Kernel, initrd and systemd-boot are in the EFI system partition of
// the ISO, and the root image is the one that the live system runs from.
const (
	KitFile        = "proa/disk.json"
	ManifestFile   = "proa/" + slotfile.ManifestName // of the slot, as in a slot file
	SignaturesFile = "proa/" + slotsig.Name
	GRUBBootFile   = "proa/grub/boot.img"
	GRUBCoreFile   = "proa/grub/core.img"
)

// Format is the version of KitFile.
const Format = 1

// Kit is what an ISO says of the disks that can be made of its files.
type Kit struct {
	Format  int         `json:"format"`
	Board   string      `json:"board"`
	Layout  int         `json:"layout"` // layout.Version
	Version string      `json:"version"`
	Spec    layout.Spec `json:"spec"`
	Words   []string    `json:"words"`  // of the kernel, in front of proa's own
	Chains  []string    `json:"chains"` // of disks
	EFIName string      `json:"efi_name"`
	Seed    string      `json:"seed"`
	When    time.Time   `json:"when"`
	Root    verity.Root `json:"root"`
}

// Content are the files that a Kit says nothing of.
type Content struct {
	Kernel, Initrd, Root tree.Content
	SystemdBoot          []byte
	GRUB                 *disk.GRUB
	Manifest, Signatures []byte
	Config               []byte // config.yaml of the new disk
}

// KitOf returns the Kit of an image. It refuses an image that has more than a Kit describes.
func KitOf(spec layout.Spec, i Image) (Kit, error) {
	s := i.New.Slot
	if len(s.DTB) > 0 || len(s.Firmware) > 0 || len(i.Loose) > 0 || len(i.Raw) > 0 || i.Hybrid {
		return Kit{}, fmt.Errorf("board %s: disks of it have firmware or device trees, which an ISO does not have", s.Board)
	}
	k := Kit{Format: Format, Board: s.Board, Layout: layout.Version, Version: s.Version, Spec: spec, Words: s.Words, EFIName: i.EFIName,
		Seed: i.Seed, When: i.When.UTC(), Root: s.Root}
	for _, c := range i.Chains {
		k.Chains = append(k.Chains, c.Name)
	}
	return k, nil
}

// Files returns the files of an ISO that only the installer reads.
func (k Kit) Files(c Content) ([]tree.Entry, error) {
	text, err := json.MarshalIndent(k, "", "  ")
	list := []tree.Entry{tree.File(KitFile, 0o644, tree.Bytes(append(text, '\n'))), tree.File(ManifestFile, 0o644, tree.Bytes(c.Manifest)),
		tree.File(SignaturesFile, 0o644, tree.Bytes(c.Signatures))}
	if c.GRUB != nil {
		list = append(list, tree.File(GRUBBootFile, 0o644, tree.Bytes(c.GRUB.BootImg)), tree.File(GRUBCoreFile, 0o644, tree.Bytes(c.GRUB.CoreImg)))
	}
	return list, err
}

// ParseKit reads a KitFile.
func ParseKit(b []byte) (k Kit, err error) {
	if err := json.Unmarshal(b, &k); err != nil {
		return k, err
	}
	if k.Format != Format || k.Layout != layout.Version {
		return k, fmt.Errorf("format %d, layout %d; this proa reads format %d, layout %d", k.Format, k.Layout, Format, layout.Version)
	}
	for _, name := range k.Chains {
		if _, err := chain.Named(name); err != nil {
			return k, err
		}
	}
	return k, nil
}

// Has says whether a disk of the kit is started by that chain.
func (k Kit) Has(name string) bool { return chain.Rows(k.Chains...).Has(name) }

// Image returns the disk. It reads all files once, and refuses them if the slot that they make is another one than the
// manifest describes: then the medium is damaged.
func (k Kit) Image(c Content) (Image, error) {
	chains := chain.Rows(k.Chains...)
	s := slotimage.Slot{Board: k.Board, Version: k.Version, Words: k.Words, Kernel: c.Kernel, Initrd: c.Initrd, Image: c.Root, Root: k.Root,
		Chains: chains, When: k.When}
	have, err := s.Manifest()
	if err != nil {
		return Image{}, err
	}
	if string(have) != string(c.Manifest) {
		return Image{}, errors.New("the files on the medium are not those that its manifest lists: it is damaged; copy it again")
	}
	return Image{New: bootfs.New{Slot: s, Name: layout.A, Manifest: c.Manifest, Signatures: c.Signatures, Config: c.Config, SystemdBoot: c.SystemdBoot, EFIName: k.EFIName},
		Seed: k.Seed, When: k.When, Chains: chains, GRUB: c.GRUB}, nil
}
