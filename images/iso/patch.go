package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// toc is the result of the walk over the directories: the offset of each file.
type toc struct {
	size    int64            // size of the volume in bytes
	extents map[string]int64 // path: offset in bytes
	lengths map[string]int64
}

// normalise walks all directories and overwrites what go-diskfs takes from the host: times, owners, modes and link
// counts. It returns the offsets of the files.
func normalise(img Image, when time.Time) (*toc, error) {
	pvd, err := descriptor(img)
	if err != nil {
		return nil, err
	}
	t := &toc{int64(binary.LittleEndian.Uint32(pvd[80:])) * sector, map[string]int64{}, map[string]int64{}}
	for _, at := range []int{813, 830} { // created, modified
		copy(pvd[at:], when.UTC().Format("20060102150405")+"00\x00")
	}
	for _, at := range []int{847, 864} { // expires, effective: unset
		copy(pvd[at:], "0000000000000000\x00")
	}
	padTexts(pvd)
	root := pvd[156:190]
	stampRecord(root, when)
	if _, err := img.WriteAt(pvd, 16*sector); err != nil {
		return nil, err
	}
	return t, t.walk(img, "", root, when)
}

// padTexts pads the descriptor's strings with spaces, as ECMA-119 7.4.1 requires. go-diskfs pads with zeros, and a
// reader that strips spaces only would see another volume label.
func padTexts(pvd []byte) {
	for _, field := range [][2]int{{8, 40}, {40, 72}, {190, 318}, {318, 446}, {446, 574}, {574, 702}, {702, 739}, {739, 776}, {776, 813}} {
		text := pvd[field[0]:field[1]]
		copy(text, bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
	}
}

func (t *toc) walk(img Image, dir string, record []byte, when time.Time) error {
	at, size := extent(record)
	buf := make([]byte, size)
	if _, err := img.ReadAt(buf, at); err != nil {
		return err
	}
	err := records(buf, func(_ int, r []byte) error { return t.record(img, dir, r, when) })
	if err != nil {
		return err
	}
	_, err = img.WriteAt(buf, at)
	return err
}

// record corrects a record of the directory dir, and notes its file or walks on.
func (t *toc) record(img Image, dir string, r []byte, when time.Time) error {
	stampRecord(r, when)
	use := 33 + int(r[32])
	name, err := rockRidge(img, r[use+use&1:], r[25]&2 != 0, when)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if id := r[33 : 33+int(r[32])]; len(id) == 1 && id[0] < 2 { // "." and ".."
		return nil
	}
	path := strings.TrimPrefix(dir+"/"+name, "/")
	if r[25]&2 != 0 {
		return t.walk(img, path, r, when)
	}
	t.extents[path], t.lengths[path] = extent(r)
	return nil
}

// descriptor reads the primary volume descriptor.
func descriptor(img io.ReaderAt) ([]byte, error) {
	pvd := make([]byte, sector)
	if _, err := img.ReadAt(pvd, 16*sector); err != nil || string(pvd[1:6]) != "CD001" {
		return nil, fmt.Errorf("no ISO 9660 volume (%v)", err)
	}
	return pvd, nil
}

// records calls do for each record of a directory, with its offset there (ECMA-119, 9.1).
func records(dir []byte, do func(pos int, r []byte) error) error {
	for pos := 0; pos < len(dir); {
		n := int(dir[pos])
		if n == 0 { // records do not cross sector boundaries
			pos = (pos/sector + 1) * sector
			continue
		}
		if n < 34 || pos+n > len(dir) {
			return errors.New("a damaged directory")
		}
		if err := do(pos, dir[pos:pos+n]); err != nil {
			return err
		}
		pos += n
	}
	return nil
}

func extent(record []byte) (at, size int64) {
	le := binary.LittleEndian
	return int64(le.Uint32(record[2:])) * sector, int64(le.Uint32(record[10:]))
}

func stampRecord(r []byte, when time.Time) { copy(r[18:25], shortTime(when)) }

func shortTime(when time.Time) []byte {
	t := when.UTC()
	return []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0}
}

// rockRidge corrects the system use entries of a directory record and of its continuation area, and returns the file
// name they contain.
func rockRidge(img Image, area []byte, isDir bool, when time.Time) (name string, err error) {
	for at := 0; at+4 <= len(area); {
		n := int(area[at+2])
		if n < 4 || at+n > len(area) {
			break
		}
		e := area[at : at+n]
		at += n
		switch string(e[:2]) {
		case "PX":
			fixOwner(e, isDir)
		case "TF":
			fixTimes(e, when)
		case "NM":
			name += string(e[5:])
		case "CE":
			more, err := continuation(img, e, isDir, when)
			if err != nil {
				return "", err
			}
			name += more
		}
	}
	return name, nil
}

func continuation(img Image, e []byte, isDir bool, when time.Time) (string, error) {
	le := binary.LittleEndian
	at := int64(le.Uint32(e[4:]))*sector + int64(le.Uint32(e[12:]))
	area := make([]byte, le.Uint32(e[20:])%sector)
	if _, err := img.ReadAt(area, at); err != nil {
		return "", err
	}
	name, err := rockRidge(img, area, isDir, when)
	if err != nil {
		return "", err
	}
	_, err = img.WriteAt(area, at)
	return name, err
}

// fixOwner writes mode, link count, user and group, each in both byte orders.
func fixOwner(e []byte, isDir bool) {
	mode := uint32(0o100444)
	if isDir {
		mode = 0o040555
	}
	for i, v := range []uint32{mode, 1, 0, 0} {
		binary.LittleEndian.PutUint32(e[4+8*i:], v)
		binary.BigEndian.PutUint32(e[8+8*i:], v)
	}
}

// fixTimes sets every time of a TF entry; bit 7 of its flags selects the long format.
func fixTimes(e []byte, when time.Time) {
	one := shortTime(when)
	if e[4]&0x80 != 0 {
		one = []byte(when.UTC().Format("20060102150405") + "00\x00")
	}
	copy(e[5:], bytes.Repeat(one, len(e)/len(one))[:len(e)-5])
}

// fill writes the content of the files that the skeleton has as holes.
func (t *toc) fill(img Image, files []file, progress Progress) error {
	w := &section{img: img, progress: progress}
	for _, f := range files {
		w.total += f.content.Size
	}
	for _, f := range files {
		at, ok := t.extents[f.path]
		if !ok || t.lengths[f.path] != f.content.Size {
			return fmt.Errorf("%s: %d bytes in the tree, %d expected", f.path, t.lengths[f.path], f.content.Size)
		}
		if f.content.Size <= inline {
			continue
		}
		w.off = at
		if err := f.content.CopyTo(w); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return nil
}

type section struct {
	img              Image
	off, done, total int64
	progress         Progress
}

func (s *section) Write(b []byte) (int, error) {
	n, err := s.img.WriteAt(b, s.off)
	s.off += int64(n)
	s.done += int64(n)
	if s.progress != nil {
		s.progress(s.done, s.total)
	}
	return n, err
}
