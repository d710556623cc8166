package bootconfig

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

// ErrNone is returned for disks and images without a boot partition of proa.
var ErrNone = errors.New("no boot partition of proa's")

// Find returns the boot partition of a disk or image of size bytes.
func Find(img fat.Image, size int64) (layout.Partition, error) {
	table, _, err := gpt.Read(img, size)
	if is, known := instead(img); err != nil && known {
		return layout.Partition{}, fmt.Errorf("%w: %s", ErrNone, is)
	}
	if err != nil {
		return layout.Partition{}, fmt.Errorf("%w: %w", ErrNone, err)
	}
	p, err := table.Find(layout.Boot, layout.Shared)
	if err != nil || p.Start+p.Size > size {
		return p, ErrNone
	}
	return p, nil
}

// Read returns the config.yaml of the boot partition, checked.
func Read(img fat.Image, size int64) (Text, error) {
	p, err := Find(img, size)
	if err != nil {
		return Text{}, err
	}
	b, err := fat.ReadFile(img, p.Start, p.Size, bootfs.ConfigFile)
	if err != nil {
		return Text{}, err
	}
	return Check(bootfs.ConfigFile, b), nil
}

// Put replaces config.yaml. flush is called between writing and reading back; it must write to the medium and drop
// caches.
func Put(img fat.Image, size int64, t Text, when time.Time, flush func() error) error {
	p, err := Find(img, size)
	if err != nil {
		return err
	}
	if err := fat.Inject(img, p.Start, p.Size, bootfs.ConfigFile, t.Bytes, when); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	back, err := fat.ReadFile(img, p.Start, p.Size, bootfs.ConfigFile)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if !bytes.Equal(back, t.Bytes) {
		return fmt.Errorf("read back: %s is not what was written", bootfs.ConfigFile)
	}
	return nil
}
