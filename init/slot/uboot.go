package slot

import (
	"fmt"
	"os"

	"github.com/proa-os/proa/images/uboot"
)

// rawPartition stores the state of boards that boot with U-Boot or tryboot; each change is one sector. Nothing is
// mounted for it.
type rawPartition struct{ boot Boot }

func (r rawPartition) get(i int) ([]byte, error) {
	f, err := os.Open(r.boot.State)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, uboot.Size)
	_, err = f.ReadAt(text, uboot.Offset(i))
	return text, err
}

func (r rawPartition) put(i int, text []byte) error {
	f, err := os.OpenFile(r.boot.State, os.O_RDWR|os.O_SYNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.boot.inPlace(f, fmt.Sprintf("state %d", i), text, uboot.Offset(i))
}
