// Package data makes, checks, grows and mounts the one writable partition. It touches only a disk whose table is proa's own,
// only the space behind the last partition, and makes a file system only where the table says that the partition holds nothing yet:
// the start that made the partition said so, or the owner (Erase). Anything else that is not proa's ext4 is repaired from its own copies
// or refused, never made anew.
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

// sound ends with a file system that e2fsck has nothing against.
func (d Disk) sound(ctx context.Context, dev string) error {
	f, err := os.Open(dev)
	if err != nil {
		return err
	}
	sb, err := inspect(f)
	f.Close()
	if err != nil {
		return fmt.Errorf("%s: %w. Nothing was written to it. If its files are to be kept, look at it with `e2fsck -n %s`; "+
			"if not, `proa data erase` makes it anew at the next start", dev, err, dev)
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

// widen makes the file system as large as its partition. It does so mounted: then the kernel's journal holds it together at any
// moment, and what a power cut interrupts goes on at the next start.
func (d Disk) widen(ctx context.Context, dev string, p layout.Partition) {
	f, err := os.Open(dev)
	if err != nil {
		d.Logf("data: %v", err)
		return
	}
	defer f.Close()
	sb, err := readSuperblock(f, superblockAt)
	if err != nil || sb.size()+layout.MiB >= p.Size {
		return // mounted, so err is of a read that the kernel has done as well
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

// restore repairs a file system whose first superblock is gone, from one of the copies that ext4 keeps.
func (d Disk) restore(ctx context.Context, dev string, sb superblock) error {
	d.Logf("data: the superblock of %s is gone; repairing from its copy at block %d", dev, sb.block)
	out, err := d.Sys.Run(ctx, "e2fsck", "-y", "-b", strconv.FormatInt(sb.block, 10), "-B", strconv.FormatInt(sb.blockSize(), 10), dev)
	if code := proc.Code(err); code > 2 || code < 0 {
		return err
	}
	d.Logf("data: e2fsck repaired: %s", firstLines(out))
	return nil
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
