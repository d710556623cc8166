package fat

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/sparse"
)

const (
	entrySize  = 32
	attrVolume = 0x08
	attrDir    = 0x10
	attrLong   = 0x0f
	endOfChain = 0x0ffffff8
)

// finishing selects what finish corrects in addition to what it always does.
type finishing struct {
	when time.Time
	only string  // set the times of files with this name only
	id   *uint32 // set the serial number
}

// geometry has the fields of the boot sector that are needed to walk directories.
type geometry struct {
	cluster, data int64   // bytes per cluster, offset of cluster 2
	fats          []int64 // offsets of the copies of the FAT
	size          int64   // of each in bytes
	table         []uint32
	count         uint32 // number of clusters
}

// finish walks all directories once and corrects in place: times; ".." in directories of the first level, which must
// have cluster 0 and not the root's; the cluster of empty files, which must have none; the count of free clusters; the
// serial number; and the FAT size of a new file system, which is two entries short.
func finish(img sparse.ReadWriterAt, f finishing) error {
	boot := make([]byte, 512)
	if _, err := img.ReadAt(boot, 0); err != nil {
		return err
	}
	g, err := readGeometry(img, boot)
	if err != nil {
		return err
	}
	root := binary.LittleEndian.Uint32(boot[44:])
	if err := g.walk(img, root, root, f); err != nil {
		return err
	}
	if f.id != nil {
		binary.LittleEndian.PutUint32(boot[32:], uint32((g.data+int64(g.count)*g.cluster)/512))
		binary.LittleEndian.PutUint32(boot[67:], *f.id)
		backup := int64(binary.LittleEndian.Uint16(boot[50:])) * 512
		for _, at := range []int64{backup, 0} {
			if _, err := img.WriteAt(boot, at); err != nil {
				return err
			}
		}
	}
	return g.countFree(img, boot)
}

// readGeometry reads where the parts are, and the first FAT.
func readGeometry(img sparse.ReadWriterAt, boot []byte) (geometry, error) {
	g, err := places(boot)
	if err != nil {
		return g, err
	}
	raw := make([]byte, g.size)
	if _, err := img.ReadAt(raw, g.fats[0]); err != nil {
		return g, err
	}
	g.table = make([]uint32, g.count+2)
	for i := range g.table {
		g.table[i] = binary.LittleEndian.Uint32(raw[4*i:]) & 0x0fffffff
	}
	return g, nil
}

// places returns where the parts are by the boot sector, without the table.
func places(boot []byte) (geometry, error) {
	le := binary.LittleEndian
	reserved, perFAT := int64(le.Uint16(boot[14:])), int64(le.Uint32(boot[36:]))
	g := geometry{cluster: int64(boot[13]) * 512, data: (reserved + int64(boot[16])*perFAT) * 512, size: perFAT * 512}
	if le.Uint16(boot[11:]) != 512 || perFAT == 0 || g.cluster == 0 || boot[16] == 0 {
		return g, fmt.Errorf("boot sector is none of FAT32")
	}
	for i := range int64(boot[16]) {
		g.fats = append(g.fats, reserved*512+i*g.size)
	}
	g.count = uint32((int64(le.Uint32(boot[32:]))*512 - g.data) / g.cluster)
	g.count = min(g.count, uint32(perFAT*128-2))
	return g, nil
}

func (g geometry) walk(img sparse.ReadWriterAt, first, root uint32, f finishing) error {
	buf := make([]byte, g.cluster)
	for c, n := first, uint32(0); c < endOfChain; c, n = g.table[c], n+1 {
		if c < 2 || int(c) >= len(g.table) || n > g.count {
			return fmt.Errorf("cluster chain of a directory leads to %d", c)
		}
		at := g.data + int64(c-2)*g.cluster
		if _, err := img.ReadAt(buf, at); err != nil {
			return err
		}
		subdirs, unused := fixEntries(buf, root, f)
		if _, err := img.WriteAt(buf, at); err != nil {
			return err
		}
		for _, c := range unused {
			if err := g.free(img, c); err != nil {
				return err
			}
		}
		for _, d := range subdirs {
			if err := g.walk(img, d, root, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// free marks the cluster of an empty file as free.
func (g geometry) free(img sparse.ReadWriterAt, cluster uint32) error {
	g.table[cluster] = 0
	for _, at := range g.fats {
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
	for e := buf; len(e) >= entrySize && e[0] != 0; e = e[entrySize:] {
		attr := e[11]
		if e[0] == 0xe5 {
			continue
		}
		if attr == attrLong {
			long = longPart(e) + long
			continue
		}
		if f.only == "" || long == f.only || shortName(e) == f.only {
			stamp(e, f.when)
		}
		long = ""
		cluster := uint32(le.Uint16(e[20:]))<<16 | uint32(le.Uint16(e[26:]))
		switch {
		case attr&attrVolume != 0 || string(e[:11]) == ".          ":
		case attr&attrDir == 0:
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

// shortName returns the 8.3 name in lower case: go-diskfs writes no long name for those.
func shortName(e []byte) string {
	name := trimLower(e[:8])
	if ext := trimLower(e[8:11]); ext != "" {
		return name + "." + ext
	}
	return name
}

func trimLower(b []byte) string {
	var s []byte
	for _, c := range b {
		if c == ' ' {
			break
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		s = append(s, c)
	}
	return string(s)
}

// countFree updates the free cluster count in both FSInfo sectors.
func (g geometry) countFree(img sparse.ReadWriterAt, boot []byte) error {
	var free, next uint32
	for i := len(g.table) - 1; i >= 2; i-- {
		if g.table[i] == 0 {
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
