package data

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

const align = layout.MiB

// open returns the disk, its size and its partition table, which must be proa's.
func open(dev string) (f *os.File, size int64, t layout.Table, err error) {
	if f, err = os.OpenFile(dev, os.O_RDWR, 0); err != nil {
		return nil, 0, nil, err
	}
	if size, err = f.Seek(0, 2); err == nil {
		if t, _, err = gpt.Read(f, size); err == nil {
			err = ours(t)
		}
	}
	if err != nil {
		f.Close()
		return nil, 0, nil, err
	}
	return f, size, t, nil
}

// ours requires all of proa's partitions and no others.
func ours(t layout.Table) error {
	for _, p := range t {
		if p.Role == "" {
			return fmt.Errorf("partition %d %q does not belong to proa", p.Index, p.Name)
		}
	}
	for _, s := range layout.Slots() {
		if _, err := t.Find(layout.Root, s); err != nil {
			return err
		}
	}
	return nil
}

// Revive repairs the GPT of a disk on which the kernel sees no partitions, and makes the kernel read it again. It does
// not write to a disk whose primary or backup GPT is not proa's, nor to one whose table the kernel can read. done is
// empty if nothing was repaired.
func Revive(dev string) (done string, err error) {
	f, size, _, err := open(dev)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if gpt.Check(f, size) == nil {
		return "", nil
	}
	if done, err = gpt.Repair(f, size); done == "" {
		return "", err
	}
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0); err != nil {
		return done, fmt.Errorf("make the kernel read the partition table again: %w", err)
	}
	return done, nil
}

// Erase marks the data partition as unformatted: the next boot formats it. A mounted file system stays until then.
func (d Disk) Erase() error {
	f, _, t, err := open("/dev/" + d.Name)
	if err != nil {
		return err
	}
	f.Close()
	p, err := t.Find(layout.Data, layout.Shared)
	if err != nil {
		return err
	}
	return d.mark(p, true)
}

// mark sets in primary and backup GPT whether the partition is unformatted.
func (d Disk) mark(p layout.Partition, blank bool) error {
	f, size, _, err := open("/dev/" + d.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	p.Blank = blank
	return gpt.SetBlank(f, size, p)
}

// partition returns the data partition, which the kernel knows too; it creates or grows it first if necessary.
func (d Disk) partition() (layout.Partition, error) {
	f, size, t, err := open("/dev/" + d.Name)
	if err != nil {
		return layout.Partition{}, err
	}
	defer f.Close()
	if done, err := gpt.Repair(f, size); err != nil {
		d.Logf("data: the partition table of %s could not be repaired: %v", d.Name, err) // it can be read
	} else if done != "" {
		d.Logf("data: %s: %s", d.Name, done)
	}
	if p, err := t.Find(layout.Data, layout.Shared); err == nil {
		return d.grow(f, size, t, p), nil
	}
	return d.create(f, size, t)
}

// create creates the partition, marked as unformatted: so old data at that place is not taken for proa's, and
// formatting is repeated until it was completed.
func (d Disk) create(f *os.File, size int64, t layout.Table) (layout.Partition, error) {
	p, ok := t.Rest(size, align)
	if !ok {
		return p, fmt.Errorf("%d bytes leave no room for data", size)
	}
	id, err := uuid.NewRandomFromReader(rand.Reader)
	if err != nil {
		return p, err
	}
	p.Blank = true
	if err := gpt.Append(f, size, p, strings.ToUpper(id.String())); err != nil {
		return p, err
	}
	d.Logf("data: made partition %d, %d MiB", p.Index, p.Size/layout.MiB)
	if err := tellKernel(f, p, blkpgAdd); err != nil {
		return p, fmt.Errorf("add the partition in the kernel: %w", err)
	}
	return p, waitFile("/dev/"+PartitionName(d.Name, p.Index), 5*time.Second)
}

// grow grows the partition if the disk has become larger, as virtual disks do. It never moves or shrinks it; on failure
// the partition keeps its size.
func (d Disk) grow(f *os.File, size int64, t layout.Table, p layout.Partition) layout.Partition {
	others := slices.DeleteFunc(slices.Clone(t), func(q layout.Partition) bool { return q.Role == layout.Data })
	rest, ok := others.Rest(size, align)
	if !ok || rest.Start != p.Start || rest.Size <= p.Size {
		return p
	}
	wide := p
	wide.Size = rest.Size
	err := gpt.Resize(f, size, wide)
	if err == nil {
		err = tellKernel(f, wide, blkpgResize)
	}
	if err != nil {
		d.Logf("data: partition %d could not grow from %d to %d MiB: %v", p.Index, p.Size/layout.MiB, wide.Size/layout.MiB, err)
		return p
	}
	d.Logf("data: the disk has grown; partition %d has %d MiB now", wide.Index, wide.Size/layout.MiB)
	return wide
}
