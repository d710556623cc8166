package media

import (
	"os"

	"github.com/proa-os/proa/build/files"
)

// SlotFile writes a slot file, which a running device writes to its other slot.
func SlotFile(file string, p Parts) error {
	s, err := p.slotWithFiles()
	if err != nil {
		return err
	}
	return files.Create(file, func(f *os.File) error { return s.Write(f, p.Progress) })
}
