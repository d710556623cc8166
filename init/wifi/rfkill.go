package wifi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// The kernel's struct rfkill_event: who, of which type, what to do, blocked by software, blocked by a switch.
const (
	rfkillDevice    = "/dev/rfkill"
	rfkillWLAN      = 1
	rfkillChangeAll = 3
)

// unblock switches radios on that software has switched off, those that come later too. A machine without the device below root blocks nothing.
func unblock(root string, write func(string, []byte, os.FileMode) error) error {
	if _, err := os.Stat(root + rfkillDevice); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	event := append(binary.NativeEndian.AppendUint32(nil, 0), rfkillWLAN, rfkillChangeAll, 0, 0)
	if err := write(rfkillDevice, event, 0o600); err != nil {
		return fmt.Errorf("unblock radios: %w", err)
	}
	return nil
}
