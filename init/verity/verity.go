// Package verity maps a root image through device-mapper's verity target, so that every block read is checked against the
// root hash of the boot entry. It writes no trees and refuses devices whose tree does not begin with that hash.
package verity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/proa-os/proa/images/verity"
)

// Check reports whether the tree behind the image at offset belongs to rootHash. It reads two blocks, not the image.
func Check(r io.ReaderAt, offset int64, rootHash string) error {
	p, err := verity.ReadParams(r, offset)
	if err != nil {
		return fmt.Errorf("verity superblock: %w", err)
	}
	top := make([]byte, verity.BlockSize)
	if _, err := r.ReadAt(top, offset+int64(verity.BlockSize)); err != nil {
		return fmt.Errorf("verity tree: %w", err)
	}
	sum := sha256.Sum256(append(append([]byte{}, p.Salt...), top...))
	if have := hex.EncodeToString(sum[:]); have != rootHash {
		return fmt.Errorf("root hash is %s…, the boot entry wants %s…", short(have), short(rootHash))
	}
	return nil
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// CheckDevice opens a block device or file and checks it.
func CheckDevice(path string, offset int64, rootHash string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return Check(f, offset, rootHash)
}

// Open maps device and returns the path of the verified device.
func Open(name, device string, offset int64, rootHash string) (string, error) {
	f, err := os.Open(device)
	if err != nil {
		return "", err
	}
	defer f.Close()
	p, err := verity.ReadParams(f, offset)
	if err != nil {
		return "", fmt.Errorf("verity superblock of %s: %w", device, err)
	}
	return mapTarget(name, "verity", p.Sectors(), p.Target(device, rootHash))
}
