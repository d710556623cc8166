package wifi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// The kernel's struct rfkill_event: index, type, operation, soft block, hard block.
const (
	rfkillDevice    = "/dev/rfkill"
	rfkillWLAN      = 1
	rfkillChangeAll = 3
)

// unblock removes the soft block of all Wi-Fi adapters, also of those that appear later. On a machine without the
// device nothing is blocked.
func unblock(root string, write func(string, []byte, os.FileMode) error) error {
	if _, err := os.Stat(root + rfkillDevice); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	event := append(binary.NativeEndian.AppendUint32(nil, 0), rfkillWLAN, rfkillChangeAll, 0, 0)
	if err := write(rfkillDevice, event, 0o600); err != nil {
		return fmt.Errorf("unblock Wi-Fi (rfkill): %w", err)
	}
	return nil
}
