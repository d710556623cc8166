// Package verity maps a root image with device-mapper's verity target, which verifies every block that is read against
// the root hash in the boot entry. It writes no hash trees, and refuses a device whose tree does not match the root
// hash.
package verity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/proa-os/proa/images/verity"
)

// Check verifies that the tree after the image at offset matches rootHash. It reads two blocks, not the image. An image of
// one block has no tree: its hash is the root hash.
func Check(r io.ReaderAt, offset int64, rootHash string) error {
	p, err := verity.ReadParams(r, offset)
	if err != nil {
		return fmt.Errorf("verity superblock: %w", err)
	}
	top, at := make([]byte, verity.BlockSize), offset+int64(verity.BlockSize)
	if p.DataBlocks == 1 {
		at = 0
	}
	if _, err := r.ReadAt(top, at); err != nil {
		return fmt.Errorf("verity tree: %w", err)
	}
	sum := sha256.Sum256(append(append([]byte{}, p.Salt...), top...))
	if have := hex.EncodeToString(sum[:]); have != rootHash {
		return fmt.Errorf("root hash is %s…, the boot entry wants %s…", short(have), short(rootHash))
	}
	return nil
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// CheckDevice opens a block device or file and calls Check.
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
