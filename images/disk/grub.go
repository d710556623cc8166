package disk

import (
	"encoding/binary"
	"fmt"

	"github.com/proa-os/proa/images/layout"
)

// Offsets in boot.img and core.img that grub-bios-setup fills in when GRUB is installed. An image is never installed:
// the numbers follow from the layout.
const (
	bootCodeEnd = 440  // start of the MBR's disk signature and partition entries
	kernelLBA   = 0x5c // boot.img: LBA of core.img
	bootDrive   = 0x64 // boot.img: ff = the drive the BIOS started from
	driveCheck  = 0x66 // boot.img: a jump; with two nops it ignores the BIOS's drive number on hard disks
	blocklist   = 0x1f4
	loadSegment = 0x820
)

// GRUBArgs returns the arguments of grub-mkimage, without the output file, for a core image that reads its
// configuration from the boot partition of the drive it was started from.
func GRUBArgs(t layout.Table) ([]string, error) {
	p, err := t.Find(layout.Boot, layout.Shared)
	if err != nil {
		return nil, err
	}
	return []string{
		"-O", "i386-pc", "-p", fmt.Sprintf("(,gpt%d)/grub", p.Index),
		"biosdisk", "part_gpt", "fat", "normal", "linux", "boot", "configfile", "loadenv",
		"test", "regexp", "echo", "serial", "terminal", "sleep", "reboot",
	}, nil
}

func (w *writer) grub(g GRUB) error {
	p, err := w.table.Find(layout.BIOS, layout.Shared)
	if err != nil {
		return err
	}
	boot, core, err := g.patched(p)
	if err != nil {
		return err
	}
	if _, err := w.img.WriteAt(core, p.Start); err != nil {
		return err
	}
	_, err = w.img.WriteAt(boot, 0)
	return err
}

// patched returns the boot code of the MBR and the content of the BIOS boot partition.
func (g GRUB) patched(p layout.Partition) (boot, core []byte, err error) {
	if len(g.BootImg) != layout.Sector || len(g.CoreImg) < 2*layout.Sector {
		return nil, nil, fmt.Errorf("grub: boot.img of %d and core.img of %d bytes are none", len(g.BootImg), len(g.CoreImg))
	}
	if int64(len(g.CoreImg)) > p.Size {
		return nil, nil, fmt.Errorf("grub: core.img of %d bytes does not fit into %s", len(g.CoreImg), p.Name)
	}
	le := binary.LittleEndian
	boot = append(boot, g.BootImg[:bootCodeEnd]...)
	le.PutUint64(boot[kernelLBA:], p.FirstLBA())
	boot[bootDrive] = 0xff
	boot[driveCheck], boot[driveCheck+1] = 0x90, 0x90
	core = append(core, g.CoreImg...)
	le.PutUint64(core[blocklist:], p.FirstLBA()+1)
	le.PutUint16(core[blocklist+8:], uint16((len(core)+layout.Sector-1)/layout.Sector-1))
	le.PutUint16(core[blocklist+10:], loadSegment)
	return boot, core, nil
}
