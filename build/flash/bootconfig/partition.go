package bootconfig

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/iso"
	"github.com/proa-os/proa/images/layout"
)

// ErrNone is returned for disks and images without a boot partition of proa.
var ErrNone = errors.New("no boot partition of proa's")

// Find returns the boot partition of a disk or image of size bytes.
func Find(img fat.Image, size int64) (layout.Partition, error) {
	table, err := tableOf(img, size)
	if err != nil {
		return layout.Partition{}, err
	}
	p, err := table.Find(layout.Boot, layout.Shared)
	if err != nil {
		return p, ErrNone
	}
	return p, nil
}

// tableOf insists on partitions that are there to their ends: a download that was cut off has its table, which lies at the start.
func tableOf(img fat.Image, size int64) (layout.Table, error) {
	if size < smallest {
		return nil, fmt.Errorf("%w: %d bytes are no disk image", ErrNone, size)
	}
	table, _, err := gpt.Read(img, size)
	if is, known := instead(img); err != nil && known {
		return nil, fmt.Errorf("%w: %s", ErrNone, is)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	for _, p := range table {
		if end := p.Start + p.Size; end > size {
			return nil, fmt.Errorf("%w: it is cut off: partition %s ends at byte %d, the image has %d", ErrNone, p.Name, end, size)
		}
	}
	return table, nil
}

// smallest is less than any disk image has, and more than a partition table.
const smallest = layout.MiB

// Suits says why an image must not be written to a disk for a board: it is no whole disk image of proa's, or another board's. An ISO does, which
// tells of no board; so does an image of which only the start can be read, if that is in order.
func Suits(img fat.Image, size int64, board string) error {
	if isISO(img) {
		return nil
	}
	if _, err := Find(img, size); err != nil {
		return err
	}
	if of := Board(img, size); of != "" && of != board {
		return fmt.Errorf("it is an image for board %s, not for %s", of, board)
	}
	return nil
}

// Room says why no config.yaml can be put into an image: it is neither a disk image nor an ISO of proa's.
func Room(img fat.Image, size int64) error {
	if isISO(img) {
		_, err := iso.ReadConfig(img)
		return err
	}
	_, err := Find(img, size)
	return err
}

// Read returns the config.yaml of the boot partition or of an ISO, checked.
func Read(img fat.Image, size int64) (Text, error) {
	b, err := read(img, size)
	if err != nil {
		return Text{}, err
	}
	return Check(layout.ConfigFile, b), nil
}

func read(img fat.Image, size int64) ([]byte, error) {
	if isISO(img) {
		return iso.ReadConfig(img)
	}
	p, err := Find(img, size)
	if err != nil {
		return nil, err
	}
	return fat.ReadFile(img, p.Start, p.Size, layout.ConfigFile)
}

// Put replaces config.yaml. flush is called between writing and reading back; it must write to the medium and drop
// caches.
func Put(img fat.Image, size int64, t Text, when time.Time, flush func() error) error {
	if err := write(img, size, t, when); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	back, err := read(img, size)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if !bytes.Equal(back, t.Bytes) {
		return fmt.Errorf("read back: %s is not what was written", layout.ConfigFile)
	}
	return nil
}

func write(img fat.Image, size int64, t Text, when time.Time) error {
	if isISO(img) {
		return iso.PutConfig(img, t.Bytes)
	}
	p, err := Find(img, size)
	if err != nil {
		return err
	}
	return fat.Inject(img, p.Start, p.Size, layout.ConfigFile, t.Bytes, when)
}
