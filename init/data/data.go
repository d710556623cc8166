// Package data creates, checks, grows and mounts the data partition, which is the only writable one. It writes only to
// a disk with proa's own partition table, and only after the last partition of the image. It formats only a partition
// that the table marks as unformatted, by the boot that created it or by Erase. Anything else that is not proa's ext4
// is repaired from its backup superblocks or refused, never formatted.
package data

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// Disk is the disk that has the root.
type Disk struct {
	Sys  sys.Sys
	Name string // vda
	Logf func(string, ...any)
}

// Mount mounts the data file system at target, or returns why it cannot.
func (d Disk) Mount(ctx context.Context, target string) error {
	if d.Name == "" {
		return errors.New("the disk is not known")
	}
	p, err := d.partition()
	if err != nil {
		return fmt.Errorf("partition on %s: %w", d.Name, err)
	}
	dev := "/dev/" + PartitionName(d.Name, p.Index)
	if p.Blank {
		if err := d.format(ctx, dev); err != nil {
			return fmt.Errorf("format %s: %w", dev, err)
		}
		if err := d.mark(p, false); err != nil {
			return fmt.Errorf("mark %s as formatted: %w", dev, err)
		}
	} else if err := d.sound(ctx, dev); err != nil {
		return err
	}
	if err := d.Sys.Mount(dev, target, "ext4", unix.MS_NODEV|unix.MS_NOATIME, "errors=remount-ro"); err != nil {
		return err
	}
	d.widen(ctx, dev, p)
	return nil
}

// sound checks and repairs the file system until e2fsck reports no errors.
func (d Disk) sound(ctx context.Context, dev string) error {
	f, err := os.Open(dev)
	if err != nil {
		return err
	}
	sb, err := inspect(f)
	f.Close()
	if err != nil {
		return fmt.Errorf("%s: %w. Nothing was written to it. If its files are to be kept, look at it with `e2fsck -n %s`; "+
			"if not, `proa data erase` formats it at the next boot", dev, err, dev)
	}
	if sb.block == 0 {
		err = d.check(ctx, dev)
	} else {
		err = d.restore(ctx, dev, sb)
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", dev, err)
	}
	return nil
}

// widen grows the file system to the size of its partition. It does so while mounted: the journal keeps it consistent
// at any moment, and after a power cut the next boot continues.
func (d Disk) widen(ctx context.Context, dev string, p layout.Partition) {
	f, err := os.Open(dev)
	if err != nil {
		d.Logf("data: %v", err)
		return
	}
	defer f.Close()
	sb, err := readSuperblock(f, superblockAt)
	if err != nil || sb.size()+layout.MiB >= p.Size {
		return // it is mounted, so the kernel could read this
	}
	if _, err := d.Sys.Run(ctx, "resize2fs", dev); err != nil {
		d.Logf("data: the file system could not grow to %d MiB: %v", p.Size/layout.MiB, err) // the old size still works
		return
	}
	d.Logf("data: the file system has grown to %d MiB", p.Size/layout.MiB)
}

func (d Disk) format(ctx context.Context, dev string) error {
	d.Logf("data: making a file system on %s", dev)
	_, err := d.Sys.Run(ctx, "mkfs.ext4", "-F", "-q", "-L", layout.DataLabel, "-m", "1", "-E", "lazy_itable_init=1,lazy_journal_init=1", dev)
	return err
}

// restore repairs a file system whose primary superblock is damaged from a backup superblock.
func (d Disk) restore(ctx context.Context, dev string, sb superblock) error {
	d.Logf("data: no valid superblock on %s; repairing from the backup superblock at block %d", dev, sb.block)
	out, err := d.Sys.Run(ctx, "e2fsck", "-y", "-b", strconv.FormatInt(sb.block, 10), "-B", strconv.FormatInt(sb.blockSize(), 10), dev)
	if code := proc.Code(err); code > 2 || code < 0 {
		return err
	}
	d.Logf("data: e2fsck repaired: %s", firstLines(out))
	return nil
}

// check runs e2fsck -p, and if that is not enough e2fsck -y, since nobody can answer questions, and logs it.
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
	d.Logf("data: e2fsck -p failed (%v), running e2fsck -y", err)
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

// PartitionName returns the kernel's name of partition index of a disk: if the disk's name ends in a digit, with a p.
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
