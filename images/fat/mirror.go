package fat

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// mirrored makes the further copies of the allocation table equal to the first, in w. A power cut between the writes of the
// two leaves them different; Linux and boot loaders read the first only, and go-diskfs refuses the file system.
func mirrored(w sparse.ReadWriterAt) error {
	boot := make([]byte, layout.Sector)
	if _, err := w.ReadAt(boot, 0); err != nil {
		return fmt.Errorf("boot sector: %w", err)
	}
	le := binary.LittleEndian
	at, copies, size := int64(le.Uint16(boot[14:]))*layout.Sector, int64(boot[16]), int64(le.Uint32(boot[36:]))*layout.Sector
	if le.Uint16(boot[11:]) != layout.Sector || at == 0 || copies < 2 || size == 0 || size > 1<<28 {
		return nil // go-diskfs says what is wrong with it
	}
	first, other := make([]byte, size), make([]byte, size)
	if _, err := w.ReadAt(first, at); err != nil {
		return fmt.Errorf("allocation table: %w", err)
	}
	for n := int64(1); n < copies; n++ {
		if _, err := w.ReadAt(other, at+n*size); err != nil {
			return fmt.Errorf("allocation table %d: %w", n+1, err)
		}
		for i := int64(0); i < size; i += layout.Sector {
			if sector := first[i : i+layout.Sector]; !bytes.Equal(sector, other[i:i+layout.Sector]) {
				if _, err := w.WriteAt(sector, at+n*size+i); err != nil {
					return fmt.Errorf("allocation table %d: %w", n+1, err)
				}
			}
		}
	}
	return nil
}
