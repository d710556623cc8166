// Package medium reads from the live medium what a disk is made of. It refuses a medium without the installer's files,
// which is what a disk or another system has. It writes nothing.
package medium

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/diskimage"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/iso"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// Medium is a mounted ISO.
type Medium struct {
	Dir string
	Kit diskimage.Kit
}

// Open reads the description of the disks that can be made of the ISO mounted at dir.
func Open(dir string) (m Medium, err error) {
	m.Dir = dir
	text, err := os.ReadFile(filepath.Join(dir, diskimage.KitFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s has no %s: this system was not started from an ISO of proa that can be installed", dir, diskimage.KitFile)
	}
	if err != nil {
		return m, err
	}
	if m.Kit, err = diskimage.ParseKit(text); err != nil {
		return m, fmt.Errorf("%s: %w", diskimage.KitFile, err)
	}
	return m, nil
}

// Size is about how many bytes an installation writes, for its progress.
func (m Medium) Size() (total int64) {
	for _, name := range []string{iso.RootImage, iso.ESPFile} {
		if st, err := os.Stat(filepath.Join(m.Dir, name)); err == nil {
			total += st.Size()
		}
	}
	return total
}

// Image reads the whole medium and returns the disk with this config.yaml. It refuses a medium whose files are damaged.
func (m Medium) Image(config []byte) (i diskimage.Image, err error) {
	c := diskimage.Content{Config: config}
	if c.Manifest, err = m.read(diskimage.ManifestFile); err != nil {
		return i, err
	}
	if c.Signatures, err = m.read(diskimage.SignaturesFile); err != nil {
		return i, err
	}
	if c.Root, err = tree.HostFile(filepath.Join(m.Dir, iso.RootImage)); err != nil {
		return i, err
	}
	if err := m.readESP(&c); err != nil {
		return i, fmt.Errorf("%s: %w", iso.ESPFile, err)
	}
	if m.Kit.Has(chain.GRUB) {
		if c.GRUB, err = m.grub(); err != nil {
			return i, err
		}
	}
	return m.Kit.Image(c)
}

func (m Medium) read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(m.Dir, name)) }

// readESP reads kernel, initrd and systemd-boot from the EFI system partition: the ISO has them there in any case.
func (m Medium) readESP(c *diskimage.Content) error {
	f, err := os.Open(filepath.Join(m.Dir, iso.ESPFile))
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	st, err := f.Stat()
	if err != nil {
		return err
	}
	for name, to := range map[string]func([]byte){
		layout.KernelFile:                func(b []byte) { c.Kernel = tree.Bytes(b) },
		layout.InitrdFile:                func(b []byte) { c.Initrd = tree.Bytes(b) },
		iso.EFIDir + "/" + m.Kit.EFIName: func(b []byte) { c.SystemdBoot = b },
	} {
		b, err := fat.ReadFile(f, 0, st.Size(), name)
		if err != nil {
			return err
		}
		to(b)
	}
	return nil
}

func (m Medium) grub() (*disk.GRUB, error) {
	boot, err := m.read(diskimage.GRUBBootFile)
	if err != nil {
		return nil, err
	}
	core, err := m.read(diskimage.GRUBCoreFile)
	return &disk.GRUB{BootImg: boot, CoreImg: core}, err
}

// Manifest is that of the slot that is installed.
func (m Medium) Manifest() ([]byte, error) { return m.read(diskimage.ManifestFile) }
