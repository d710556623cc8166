package iso

import (
	"fmt"

	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

// espImage returns the EFI system partition: UEFI boots it from CD through El Torito and from USB as a partition. It
// has its own kernel and initrd, because systemd-boot reads only the file system it was started from.
func espImage(s Spec) ([]byte, error) {
	entry := fmt.Appendf(nil, "title %s\nlinux /vmlinuz\ninitrd /initrd\noptions %s\n", s.Title, s.Cmdline)
	mem := sparse.New(espSize(s))
	err := fat.Write(mem, 0, fat.Spec{
		Size: espSize(s), Label: "PROA-EFI", ID: serial(s, "esp"), When: s.When,
		Files: []tree.Entry{
			tree.File(EFIDir+"/"+s.UEFI.EFIName, 0o644, tree.Bytes(s.UEFI.SystemdBoot)),
			tree.File("loader/loader.conf", 0o644, tree.Bytes([]byte("timeout 0\neditor no\nauto-entries no\nauto-firmware no\n"))),
			tree.File("loader/entries/proa.conf", 0o644, tree.Bytes(entry)),
			tree.File(layout.KernelFile, 0o644, s.Kernel),
			tree.File(layout.InitrdFile, 0o644, s.Initrd),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("esp: %w", err)
	}
	image := make([]byte, espSize(s))
	_, err = mem.ReadAt(image, 0)
	return image, err
}

// espSize returns the size of the ESP: its files, 1/64 more for the FATs (8 bytes per cluster of 512), and 2 MiB to
// spare.
func espSize(s Spec) int64 {
	need := (int64(len(s.UEFI.SystemdBoot))+s.Kernel.Size+s.Initrd.Size)*65/64 + 2*layout.MiB
	return max((need+layout.MiB-1)/layout.MiB*layout.MiB, fat.MinSize)
}
