package model

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// volume is a FAT32 file system. The bootloader also reads FAT12 and FAT16, which proa does not write.
type volume struct {
	disk            io.ReaderAt
	table, clusters int64 // offsets of the allocation table and of cluster 2
	size            int64 // of a cluster
	root            uint32
}

func openVolume(disk io.ReaderAt, at int64) (v volume, err error) {
	b := make([]byte, sector)
	if _, err := disk.ReadAt(b, at); err != nil {
		return v, err
	}
	le := binary.LittleEndian
	if b[510] != 0x55 || b[511] != 0xaa || le.Uint16(b[11:]) != sector || b[13] == 0 || le.Uint16(b[22:]) != 0 || string(b[82:87]) != "FAT32" {
		return v, fmt.Errorf("no FAT32 at %d", at)
	}
	v = volume{disk: disk, table: at + int64(le.Uint16(b[14:]))*sector, size: int64(b[13]) * sector, root: le.Uint32(b[44:])}
	v.clusters = v.table + int64(b[16])*int64(le.Uint32(b[36:]))*sector
	return v, nil
}

// content reads a cluster chain.
func (v volume) content(first uint32) (data []byte, err error) {
	link := make([]byte, 4)
	for c, n := first, 0; c >= 2 && c < 0x0ffffff8; n++ {
		if n > 1<<20 {
			return nil, fmt.Errorf("cluster chain of %d has no end", first)
		}
		part := make([]byte, v.size)
		if _, err := v.disk.ReadAt(part, v.at(c)); err != nil {
			return nil, err
		}
		data = append(data, part...)
		if _, err := v.disk.ReadAt(link, v.table+4*int64(c)); err != nil {
			return nil, err
		}
		c = binary.LittleEndian.Uint32(link) & 0x0fffffff
	}
	return data, nil
}

func (v volume) at(cluster uint32) int64 { return v.clusters + int64(cluster-2)*v.size }

// file reads a file by its path.
func (v volume) file(path string) ([]byte, error) {
	e, err := v.find(path)
	if err != nil {
		return nil, err
	}
	data, err := v.content(e.first)
	if err != nil || int64(len(data)) < e.length {
		return nil, fmt.Errorf("%s: %d of %d bytes, %w", path, len(data), e.length, err)
	}
	return data[:e.length], nil
}

type entry struct {
	first  uint32
	length int64
}

func (v volume) find(path string) (e entry, err error) {
	e.first = v.root
	for _, name := range strings.Split(path, "/") {
		dir, err := v.content(e.first)
		if err != nil {
			return e, err
		}
		var ok bool
		if e, ok = lookup(dir, name); !ok {
			return e, fmt.Errorf("no %s", path)
		}
	}
	return e, nil
}

// lookup finds a file in a directory by its long name, or by its short name if it has no long one.
func lookup(dir []byte, name string) (entry, bool) {
	var long string
	for ; len(dir) >= 32 && dir[0] != 0; dir = dir[32:] {
		e := dir[:32]
		switch {
		case e[0] == 0xe5:
			long = ""
		case e[11] == 0x0f:
			long = longPart(e) + long
		case e[11]&0x08 != 0:
			long = ""
		default:
			if strings.EqualFold(long, name) || long == "" && strings.EqualFold(short(e), name) {
				le := binary.LittleEndian
				return entry{uint32(le.Uint16(e[20:]))<<16 | uint32(le.Uint16(e[26:])), int64(le.Uint32(e[28:]))}, true
			}
			long = ""
		}
	}
	return entry{}, false
}

func longPart(e []byte) string {
	var units []uint16
	for _, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
		u := binary.LittleEndian.Uint16(e[at:])
		if u == 0 || u == 0xffff {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func short(e []byte) string {
	base, ext := strings.TrimRight(string(e[:8]), " "), strings.TrimRight(string(e[8:11]), " ")
	if ext == "" {
		return base
	}
	return base + "." + ext
}

// FileAt returns the offset on the disk of a file of partition number, so that a test can overwrite it in place as a
// machine does.
func FileAt(disk io.ReaderAt, number int, path string) (int64, error) {
	parts, err := readGPT(disk)
	if err != nil {
		return 0, err
	}
	p, ok := parts.number(number)
	if !ok {
		return 0, fmt.Errorf("no partition %d", number)
	}
	v, err := openVolume(disk, p.start)
	if err != nil {
		return 0, err
	}
	e, err := v.find(path)
	return v.at(e.first), err
}
