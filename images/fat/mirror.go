package fat

import (
	"bytes"
	"fmt"

	"github.com/proa-os/proa/images/fatdisk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// maxFAT is the size in bytes of the largest allocation table that is compared: FAT32 has 28 bits for a cluster, and images of
// boot partitions far fewer.
const maxFAT = 1 << 28

// mirrored makes the further copies of the allocation table equal to the first, in w. A power cut between the writes of the
// two leaves them different; Linux and boot loaders read the first only, and go-diskfs refuses the file system.
func mirrored(w sparse.ReadWriterAt) error {
	boot := make([]byte, layout.Sector)
	if _, err := w.ReadAt(boot, 0); err != nil {
		return fmt.Errorf("boot sector: %w", err)
	}
	v, err := fatdisk.Parse(boot)
	if err != nil || len(v.Tables) < 2 || v.Table > maxFAT {
		return nil // go-diskfs says what is wrong with it
	}
	first, other := make([]byte, v.Table), make([]byte, v.Table)
	if _, err := w.ReadAt(first, v.Tables[0]); err != nil {
		return fmt.Errorf("allocation table: %w", err)
	}
	for n, at := range v.Tables[1:] {
		if _, err := w.ReadAt(other, at); err != nil {
			return fmt.Errorf("allocation table %d: %w", n+2, err)
		}
		for i := int64(0); i < v.Table; i += layout.Sector {
			if sector := first[i : i+layout.Sector]; !bytes.Equal(sector, other[i:i+layout.Sector]) {
				if _, err := w.WriteAt(sector, at+i); err != nil {
					return fmt.Errorf("allocation table %d: %w", n+2, err)
				}
			}
		}
	}
	return nil
}
