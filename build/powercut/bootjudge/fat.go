package bootjudge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/proa-os/proa/images/layout"
)

// volume is a FAT32 as boot loaders read it: the first allocation table only, no dirty bit, no second opinion. It is read
// only, and independent of images/fat, with which the tests compare it.
type volume struct {
	disk            Disk
	table, clusters int64 // offsets of the allocation table and of cluster 2
	size            int64 // of a cluster
	count           uint32
	root            uint32
	// loose readers take a long name whose checksum is not that of the short name beside it, as some boot loaders do and
	// others do not; a power cut can leave such a pair.
	loose bool
	memo  *memo
}

// memo has what one disk was read for already.
type memo struct {
	chains *chains
	lists  map[uint32][]file // by first cluster
	odd    bool              // a long name was seen whose checksum or order is wrong
}

func openVolume(disk Disk, at, size int64) (v volume, err error) {
	b := make([]byte, layout.Sector)
	if _, err := disk.ReadAt(b, at); err != nil {
		return v, err
	}
	le := binary.LittleEndian
	perCluster, fats, perFAT, sectors := int64(b[13]), int64(b[16]), int64(le.Uint32(b[36:])), int64(le.Uint32(b[32:]))
	if b[510] != 0x55 || b[511] != 0xaa || le.Uint16(b[11:]) != layout.Sector || perCluster == 0 || fats == 0 || string(b[82:87]) != "FAT32" {
		return v, errors.New("no FAT32")
	}
	v = volume{disk: disk, table: at + int64(le.Uint16(b[14:]))*layout.Sector, size: perCluster * layout.Sector, root: le.Uint32(b[44:])}
	v.clusters = v.table + fats*perFAT*layout.Sector
	if sectors*layout.Sector > size || v.clusters > at+size {
		return v, fmt.Errorf("FAT32 of %d sectors in a partition of %d bytes", sectors, size)
	}
	v.count = uint32(min((at+sectors*layout.Sector-v.clusters)/v.size, perFAT*layout.Sector/4-2))
	return v, nil
}

// extent is a contiguous part of a file.
type extent struct{ at, size int64 }

// chain returns the extents of the first size bytes of a cluster chain; size < 0: all of it.
func (v volume) chain(first uint32, size int64) ([]extent, error) {
	return v.memo.chains.get(v.disk, first, size, func(touch func(off int64)) ([]extent, error) { return v.walk(first, size, touch) })
}

// walk follows a cluster chain, and calls touch with the offset of each link that it reads.
func (v volume) walk(first uint32, size int64, touch func(off int64)) (list []extent, err error) {
	const last = 0x0ffffff8
	link := make([]byte, 4)
	left := size
	for c, n := first, uint32(0); left != 0; n++ {
		if size < 0 && c >= last {
			return list, nil
		}
		if c < 2 || c-2 >= v.count || n > v.count {
			return nil, fmt.Errorf("cluster chain ends at cluster %#x, %d clusters from its beginning", c, n)
		}
		at, have := v.clusters+int64(c-2)*v.size, v.size
		if size >= 0 {
			have = min(have, left)
			left -= have
		}
		if k := len(list) - 1; k >= 0 && list[k].at+list[k].size == at {
			list[k].size += have
		} else {
			list = append(list, extent{at, have})
		}
		if left == 0 {
			break // what follows does not matter to a reader
		}
		touch(v.table + 4*int64(c))
		if _, err := v.disk.ReadAt(link, v.table+4*int64(c)); err != nil {
			return nil, err
		}
		c = binary.LittleEndian.Uint32(link) & 0x0fffffff
	}
	return list, nil
}

func (v volume) read(list []extent) (data []byte, err error) {
	for _, e := range list {
		b := make([]byte, e.size)
		if _, err := v.disk.ReadAt(b, e.at); err != nil {
			return nil, err
		}
		data = append(data, b...)
	}
	return data, nil
}

// file is an entry of a directory.
type file struct {
	name   string
	dir    bool
	first  uint32
	length int64
}

// errGone says that there is no file of that name.
var errGone = errors.New("is not there")

// find returns the file of a path.
func (v volume) find(path string) (f file, err error) {
	f = file{dir: true, first: v.root}
	for _, name := range strings.Split(path, "/") {
		list, err := v.list(f)
		if err != nil {
			return f, fmt.Errorf("%s: %w", path, err)
		}
		ok := false
		for _, g := range list {
			if !ok && strings.EqualFold(g.name, name) {
				f, ok = g, true
			}
		}
		if !ok {
			return f, fmt.Errorf("%s %w", path, errGone)
		}
	}
	return f, nil
}

// extents returns where a file lies.
func (v volume) extents(path string) ([]extent, file, error) {
	f, err := v.find(path)
	if err != nil {
		return nil, f, err
	}
	if f.dir {
		return nil, f, fmt.Errorf("%s is a directory", path)
	}
	list, err := v.chain(f.first, f.length)
	if err != nil {
		err = fmt.Errorf("%s of %d bytes: %w", path, f.length, err)
	}
	return list, f, err
}

func (v volume) content(path string) ([]byte, error) {
	list, _, err := v.extents(path)
	if err != nil {
		return nil, err
	}
	return v.read(list)
}

// list returns the entries of a directory.
func (v volume) list(dir file) (files []file, err error) {
	if !dir.dir {
		return nil, errGone
	}
	if list, ok := v.memo.lists[dir.first]; ok {
		return list, nil
	}
	extents, err := v.chain(dir.first, -1)
	if err != nil {
		return nil, err
	}
	b, err := v.read(extents)
	if err != nil {
		return nil, err
	}
	var long longName
	for ; len(b) >= 32 && b[0] != 0; b = b[32:] {
		e := b[:32]
		switch {
		case e[0] == 0xe5:
			long = longName{}
		case e[11]&0x3f == 0x0f:
			long.add(e)
		case e[11]&0x08 != 0: // the volume's label
			long = longName{}
		default:
			le := binary.LittleEndian
			first := uint32(le.Uint16(e[20:]))<<16 | uint32(le.Uint16(e[26:]))
			v.memo.odd = v.memo.odd || long.text != "" && !long.fits(e)
			files = append(files, file{long.of(e, v.loose), e[11]&0x10 != 0, first, int64(le.Uint32(e[28:]))})
			long = longName{}
		}
	}
	v.memo.lists[dir.first] = files
	return files, nil
}

// longName collects the entries of a long name, which stand before that of the short name, the last part first.
type longName struct {
	text string
	next byte // number of the part that must follow
	sum  byte
	bad  bool
}

func (l *longName) add(e []byte) {
	number := e[0] & 0x3f
	if e[0]&0x40 != 0 {
		*l = longName{sum: e[13]}
	} else if number != l.next || e[13] != l.sum {
		l.bad = true
	}
	l.next = number - 1
	var units []uint16
	for _, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
		u := binary.LittleEndian.Uint16(e[at:])
		if u == 0 || u == 0xffff {
			break
		}
		units = append(units, u)
	}
	l.text = string(utf16.Decode(units)) + l.text
}

// fits says whether it belongs to the short name beside it.
func (l longName) fits(e []byte) bool {
	var sum byte
	for _, c := range e[:11] {
		sum = sum<<7 | sum>>1
		sum += c
	}
	return !l.bad && l.next == 0 && l.sum == sum
}

// of returns the name of an entry.
func (l longName) of(e []byte, loose bool) string {
	if l.text != "" && (loose || l.fits(e)) {
		return l.text
	}
	base, ext := strings.TrimRight(string(e[:8]), " "), strings.TrimRight(string(e[8:11]), " ")
	if e[12]&0x08 != 0 { // set for names in small letters (fs/fat/namei_vfat.c)
		base = strings.ToLower(base)
	}
	if e[12]&0x10 != 0 {
		ext = strings.ToLower(ext)
	}
	if ext == "" {
		return base
	}
	return base + "." + ext
}
