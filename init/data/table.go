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

// open returns the disk, its size and its table, which is proa's own.
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

// ours: all of proa's partitions, and no stranger's.
func ours(t layout.Table) error {
	for _, p := range t {
		if p.Role == "" {
			return fmt.Errorf("partition %d %q is none of proa's", p.Index, p.Name)
		}
	}
	for _, s := range layout.Slots() {
		if _, err := t.Find(layout.Root, s); err != nil {
			return err
		}
	}
	return nil
}

// Revive repairs the table of a disk on which the kernel sees no partitions, and lets the kernel look again. It writes to no disk whose
// table, or its copy, is not proa's, and to none whose table the kernel will see in a moment. done is empty if nothing was.
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
		return done, fmt.Errorf("let the kernel read the table: %w", err)
	}
	return done, nil
}

// Erase says in the table that the data partition holds nothing: the next start makes a file system in it. What is mounted
// stays until then.
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

// mark says in all copies of the table whether the partition holds nothing.
func (d Disk) mark(p layout.Partition, blank bool) error {
	f, size, _, err := open("/dev/" + d.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	p.Blank = blank
	return gpt.SetBlank(f, size, p)
}

// partition returns the data partition, which is there for the kernel too, making or growing it first where that is due.
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

// create makes the partition, with the mark that nothing is in it yet: what an earlier life of the disk left there does not pass for
// proa's data, and making the file system is begun anew until it has ended.
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
		return p, fmt.Errorf("tell the kernel: %w", err)
	}
	return p, waitFile("/dev/"+PartitionName(d.Name, p.Index), 5*time.Second)
}

// grow widens the partition when the disk has become larger, as virtual disks do. It never moves or shrinks it, and where it
// fails the partition keeps its size.
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
