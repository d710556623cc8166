package fat

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/fatdisk"
	"github.com/proa-os/proa/images/sparse"
)

// attrLong are the attributes of a part of a long name.
const attrLong = 0x0f

// finishing selects what finish corrects in addition to what it always does.
type finishing struct {
	when time.Time
	only string  // set the times of files with this name only
	id   *uint32 // set the serial number
}

// volume is a file system with its first allocation table.
type volume struct {
	fatdisk.Volume
	table []uint32
}

// finish walks all directories once and corrects in place: times; ".." in directories of the first level, which must
// have cluster 0 and not the root's; the cluster of empty files, which must have none; the count of free clusters; the
// serial number; and the FAT size of a new file system, which is two entries short.
func finish(img sparse.ReadWriterAt, f finishing) error {
	boot := make([]byte, 512)
	if _, err := img.ReadAt(boot, 0); err != nil {
		return err
	}
	v, err := open(img, boot)
	if err != nil {
		return err
	}
	if err := v.walk(img, v.Root, f); err != nil {
		return err
	}
	if f.id != nil {
		binary.LittleEndian.PutUint32(boot[32:], uint32(v.At(v.Count+2)/512))
		binary.LittleEndian.PutUint32(boot[67:], *f.id)
		backup := int64(binary.LittleEndian.Uint16(boot[50:])) * 512
		for _, at := range []int64{backup, 0} {
			if _, err := img.WriteAt(boot, at); err != nil {
				return err
			}
		}
	}
	return v.countFree(img, boot)
}

func open(img sparse.ReadWriterAt, boot []byte) (v volume, err error) {
	if v.Volume, err = fatdisk.Parse(boot); err != nil {
		return v, err
	}
	raw := make([]byte, v.Table)
	if _, err := img.ReadAt(raw, v.Tables[0]); err != nil {
		return v, err
	}
	v.table = make([]uint32, v.Count+2)
	for i := range v.table {
		v.table[i] = fatdisk.Link(raw[4*i:])
	}
	return v, nil
}

func (v volume) walk(img sparse.ReadWriterAt, first uint32, f finishing) error {
	buf := make([]byte, v.Cluster)
	for c, n := first, uint32(0); c < fatdisk.EndOfChain; c, n = v.table[c], n+1 {
		if c < 2 || int(c) >= len(v.table) || n > v.Count {
			return fmt.Errorf("cluster chain of a directory leads to %d", c)
		}
		at := v.At(c)
		if _, err := img.ReadAt(buf, at); err != nil {
			return err
		}
		subdirs, unused := fixEntries(buf, v.Root, f)
		if _, err := img.WriteAt(buf, at); err != nil {
			return err
		}
		for _, c := range unused {
			if err := v.free(img, c); err != nil {
				return err
			}
		}
		for _, d := range subdirs {
			if err := v.walk(img, d, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// free marks the cluster of an empty file as free.
func (v volume) free(img sparse.ReadWriterAt, cluster uint32) error {
	v.table[cluster] = 0
	for _, at := range v.Tables {
		if _, err := img.WriteAt(make([]byte, 4), at+4*int64(cluster)); err != nil {
			return err
		}
	}
	return nil
}

// fixEntries corrects one cluster of a directory. It returns the subdirectories, and the clusters allocated to empty
// files.
func fixEntries(buf []byte, root uint32, f finishing) (subdirs, unused []uint32) {
	le := binary.LittleEndian
	long := ""
	for e := buf; len(e) >= fatdisk.EntrySize && e[0] != 0; e = e[fatdisk.EntrySize:] {
		attr := e[fatdisk.Attributes]
		if e[0] == 0xe5 {
			continue
		}
		if attr == attrLong {
			long = longPart(e) + long
			continue
		}
		if f.only == "" || long == f.only || fatdisk.ShortName(e) == f.only {
			stamp(e, f.when)
		}
		long = ""
		cluster := fatdisk.First(e)
		switch {
		case attr&fatdisk.VolumeName != 0 || string(e[:11]) == ".          ":
		case attr&fatdisk.Directory == 0:
			if le.Uint32(e[28:]) == 0 && cluster != 0 {
				unused = append(unused, cluster)
				clearCluster(e)
			}
		case string(e[:11]) == "..         ":
			if cluster == root {
				clearCluster(e)
			}
		default:
			subdirs = append(subdirs, cluster)
		}
	}
	return subdirs, unused
}

func clearCluster(e []byte) {
	binary.LittleEndian.PutUint16(e[20:], 0)
	binary.LittleEndian.PutUint16(e[26:], 0)
}

// stamp sets the three times of a directory entry; FAT times start in 1980 and have a resolution of two seconds.
func stamp(e []byte, when time.Time) {
	t := when.UTC()
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	date := uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
	clock := uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
	le := binary.LittleEndian
	e[13] = 0
	le.PutUint16(e[14:], clock)
	le.PutUint16(e[16:], date)
	le.PutUint16(e[18:], date)
	le.PutUint16(e[22:], clock)
	le.PutUint16(e[24:], date)
}

func longPart(e []byte) string {
	var s []rune
	for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
		for i := span[0]; i < span[1]; i += 2 {
			c := binary.LittleEndian.Uint16(e[i:])
			if c == 0 || c == 0xffff {
				return string(s)
			}
			s = append(s, rune(c))
		}
	}
	return string(s)
}

// countFree updates the free cluster count in both FSInfo sectors.
func (v volume) countFree(img sparse.ReadWriterAt, boot []byte) error {
	var free, next uint32
	for i := len(v.table) - 1; i >= 2; i-- {
		if v.table[i] == 0 {
			free, next = free+1, uint32(i)
		}
	}
	info := int64(binary.LittleEndian.Uint16(boot[48:])) * 512
	backup := int64(binary.LittleEndian.Uint16(boot[50:]))*512 + 512
	sum := make([]byte, 8)
	binary.LittleEndian.PutUint32(sum, free)
	binary.LittleEndian.PutUint32(sum[4:], next)
	for _, at := range []int64{info, backup} {
		if _, err := img.WriteAt(sum, at+488); err != nil {
			return err
		}
	}
	return nil
}
