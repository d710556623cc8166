// Package data makes, checks, grows and mounts the one writable partition. It touches only a disk whose table is proa's own,
// only the space behind the last partition, and formats only what it has just made or what was interrupted while being made; a damaged
// file system is repaired or refused, never made anew.
package data

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// Disk is the disk the root came from.
type Disk struct {
	Sys  sys.Sys
	Name string // vda
	Logf func(string, ...any)
}

// Mount ends with the data file system at target, or with the reason why not.
func (d Disk) Mount(ctx context.Context, target string) error {
	if d.Name == "" {
		return errors.New("the disk is not known")
	}
	part, grown, err := d.partition()
	if err != nil {
		return fmt.Errorf("partition on %s: %w", d.Name, err)
	}
	dev := "/dev/" + part
	state, err := inspect(dev)
	if err != nil {
		return err
	}
	if state == empty {
		if err := d.format(ctx, dev); err != nil {
			return fmt.Errorf("format %s: %w", dev, err)
		}
	} else if err := d.check(ctx, dev); err != nil {
		return fmt.Errorf("check %s: %w", dev, err)
	}
	if grown {
		if _, err := d.Sys.Run(ctx, "resize2fs", dev); err != nil {
			d.Logf("data: %v", err) // the old size still works
		}
	}
	return d.Sys.Mount(dev, target, "ext4", unix.MS_NODEV|unix.MS_NOATIME, "errors=remount-ro")
}

func (d Disk) format(ctx context.Context, dev string) error {
	d.Logf("data: making a file system on %s", dev)
	_, err := d.Sys.Run(ctx, "mkfs.ext4", "-F", "-q", "-L", layout.DataLabel, "-m", "1", "-E", "lazy_itable_init=1,lazy_journal_init=1", dev)
	return err
}

// check repairs what can be repaired without asking; then, because nobody is there to ask, the rest too, and says so.
func (d Disk) check(ctx context.Context, dev string) error {
	out, err := d.Sys.Run(ctx, "e2fsck", "-p", dev)
	switch code := proc.Code(err); {
	case code == 0:
		return nil
	case code == 1 || code == 2:
		d.Logf("data: e2fsck repaired: %s", firstLines(out))
		return nil
	case code < 4:
		return err
	}
	d.Logf("data: e2fsck -p gave up (%v), repairing everything", err)
	if out, err = d.Sys.Run(ctx, "e2fsck", "-y", dev); proc.Code(err) > 2 || proc.Code(err) < 0 {
		return err
	}
	d.Logf("data: e2fsck -y repaired: %s", firstLines(out))
	return nil
}

func firstLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[:min(5, len(lines))], "; ")
}

// content is what a partition holds.
type content int

const (
	empty content = iota // made by us, not formatted to the end
	ext4
)

// inspect reads the superblock. mkfs writes it last, so all zeros means that it never finished.
func inspect(dev string) (content, error) {
	f, err := os.Open(dev)
	if err != nil {
		return empty, err
	}
	defer f.Close()
	sb := make([]byte, 1024)
	if _, err := f.ReadAt(sb, 1024); err != nil {
		return empty, fmt.Errorf("read %s: %w", dev, err)
	}
	switch {
	case len(strings.Trim(string(sb), "\x00")) == 0:
		return empty, nil
	case sb[0x38] == 0x53 && sb[0x39] == 0xef:
		return ext4, nil
	}
	return empty, fmt.Errorf("%s holds something that is not ext4; leaving it alone", dev)
}

// partition returns the data partition's device, making or growing the partition first where that is due.
func (d Disk) partition() (name string, grown bool, err error) {
	f, err := os.OpenFile("/dev/"+d.Name, os.O_RDWR, 0)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	size, err := f.Seek(0, 2)
	if err != nil {
		return "", false, err
	}
	t, ids, err := gpt.Read(f, size)
	if err != nil {
		return "", false, err
	}
	if err := ours(t); err != nil {
		return "", false, err
	}
	if p, err := t.Find(layout.Data, layout.Shared); err == nil {
		p, err = d.grow(f, size, t, ids, p)
		return PartitionName(d.Name, p.Index), d.smaller(p), err
	}
	name, err = d.create(f, size, t)
	return name, false, err
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

const align = layout.MiB

// create clears where the file system will begin before the partition exists: what an earlier life of the
// disk left there must not pass for our data.
func (d Disk) create(f *os.File, size int64, t layout.Table) (string, error) {
	p, ok := t.Rest(size, align)
	if !ok {
		return "", fmt.Errorf("%d bytes leave no room for data", size)
	}
	if _, err := f.WriteAt(make([]byte, layout.MiB), p.Start); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	id, err := uuid.NewRandomFromReader(rand.Reader)
	if err != nil {
		return "", err
	}
	if err := gpt.Append(f, size, p, strings.ToUpper(id.String())); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	d.Logf("data: made partition %d, %d MiB", p.Index, p.Size/layout.MiB)
	if err := tellKernel(f, p, blkpgAdd); err != nil {
		return "", fmt.Errorf("tell the kernel: %w", err)
	}
	name := PartitionName(d.Name, p.Index)
	return name, waitFile("/dev/"+name, 5*time.Second)
}

// grow widens the data partition when the disk has become larger, as virtual disks do. It never moves or shrinks it.
func (d Disk) grow(f *os.File, size int64, t layout.Table, ids gpt.GUIDs, p layout.Partition) (layout.Partition, error) {
	at := slices.IndexFunc(t, func(q layout.Partition) bool { return q.Role == layout.Data })
	others := slices.Delete(slices.Clone(t), at, at+1)
	rest, ok := others.Rest(size, align)
	if !ok || rest.Start != p.Start || rest.Size <= p.Size {
		return p, nil
	}
	t[at].Size, p.Size = rest.Size, rest.Size
	if err := gpt.Write(f, size, t, ids); err != nil {
		return p, err
	}
	if err := f.Sync(); err != nil {
		return p, err
	}
	d.Logf("data: the disk has grown; partition %d has %d MiB now", p.Index, p.Size/layout.MiB)
	return p, tellKernel(f, p, blkpgResize)
}

// smaller reports whether the file system is smaller than its partition by more than rounding: the partition was grown.
func (d Disk) smaller(p layout.Partition) bool {
	f, err := os.Open("/dev/" + PartitionName(d.Name, p.Index))
	if err != nil {
		return false
	}
	defer f.Close()
	sb := make([]byte, 1024)
	if _, err := f.ReadAt(sb, 1024); err != nil || sb[0x38] != 0x53 || sb[0x39] != 0xef {
		return false
	}
	le := func(at int) int64 {
		return int64(sb[at]) | int64(sb[at+1])<<8 | int64(sb[at+2])<<16 | int64(sb[at+3])<<24
	}
	return (le(4)|le(0x150)<<32)*(1024<<le(24))+layout.MiB < p.Size
}

// PartitionName is how the kernel calls partition index of a disk: a disk whose name ends in a digit gets a p.
func PartitionName(disk string, index int) string {
	if c := disk[len(disk)-1]; c >= '0' && c <= '9' {
		disk += "p"
	}
	return disk + strconv.Itoa(index)
}

func waitFile(path string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Clean(path)); err == nil || time.Now().After(end) {
			return err
		}
	}
}
