package iso

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/diskfs/go-diskfs/filesystem/iso9660"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

const (
	sector = 2048
	// inline is the maximum size of files whose content go-diskfs copies itself. isolinux.bin must be one of them,
	// because its checksum goes into the boot information table. Larger files are holes in the skeleton.
	inline = layout.MiB
)

// skeleton makes go-diskfs write volume descriptors, directories and boot catalog. go-diskfs reads a directory of the
// host, so the tree is created there, with holes for the content.
func skeleton(img Image, s Spec, files []file, tempDir string) (err error) {
	dir, err := os.MkdirTemp(tempDir, "iso-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range files {
		if err := plant(dir, f); err != nil {
			return err
		}
	}
	size := MaxSize(s)
	fs, err := iso9660.Create(sparse.NewWindow(skipZeros{img}, 0, size), size, 0, sector, dir)
	if err != nil {
		return err
	}
	return fs.Finalize(iso9660.FinalizeOptions{RockRidge: true, VolumeIdentifier: s.Label, ElTorito: elTorito(s)})
}

// elTorito returns the boot catalog. BIOSes take its first entry.
func elTorito(s Spec) *iso9660.ElTorito {
	efi := &iso9660.ElToritoEntry{Platform: iso9660.EFI, BootFile: ESPFile}
	if !s.hasBIOS() {
		return &iso9660.ElTorito{BootCatalog: "boot/boot.cat", Entries: []*iso9660.ElToritoEntry{efi}}
	}
	bios := &iso9660.ElToritoEntry{Platform: iso9660.BIOS, BootFile: isolinuxBin, BootTable: true}
	bios.SetLoadSize(4)
	return &iso9660.ElTorito{BootCatalog: "isolinux/boot.cat", Entries: []*iso9660.ElToritoEntry{bios, efi}}
}

func plant(dir string, f file) error {
	name := filepath.Join(dir, f.path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if f.content.Size > inline {
		return hole(name, f.content.Size)
	}
	data, err := f.content.ReadAll()
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

func hole(name string, size int64) error {
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(w.Truncate(size), w.Close())
}

// skipZeros does not write zeros, so that holes of the skeleton stay holes.
type skipZeros struct{ Image }

func (s skipZeros) WriteAt(b []byte, off int64) (int, error) {
	if sparse.IsZero(b) {
		return len(b), nil
	}
	return s.Image.WriteAt(b, off)
}
