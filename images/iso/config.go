package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/layout"
)

// ConfigRoom is the largest config.yaml, in bytes, that an ISO takes after it was made.
const ConfigRoom = 64<<10 - len(roomEnd)

// roomEnd ends the room of config.yaml in the image. Only an image that has it is written to.
const roomEnd = "\nend of the room of config.yaml\n"

// ErrNoRoom is returned for an ISO that proa did not make, or made before it kept room.
var ErrNoRoom = errors.New("it is an ISO without room for a configuration; `make iso` makes one, and `make disk` a disk image")

// ReadConfig returns the config.yaml of an ISO.
func ReadConfig(img io.ReaderAt) ([]byte, error) {
	r, err := findConfig(img)
	if err != nil {
		return nil, err
	}
	text := make([]byte, r.size)
	_, err = img.ReadAt(text, r.start)
	return text, err
}

// PutConfig replaces the config.yaml of an ISO in its place; nothing else moves. A file in ISO 9660 is one extent, whose
// length is in its directory record (ECMA-119, 9.1.4).
func PutConfig(img Image, text []byte) error {
	r, err := findConfig(img)
	if err != nil {
		return err
	}
	if len(text) > ConfigRoom {
		return fmt.Errorf("config.yaml of %d bytes does not fit into an ISO, which has room for %d", len(text), ConfigRoom)
	}
	if _, err := img.WriteAt(append(text[:len(text):len(text)], make([]byte, ConfigRoom-len(text))...), r.start); err != nil {
		return err
	}
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	_, err = img.WriteAt(binary.BigEndian.AppendUint32(length, uint32(len(text))), r.length)
	return err
}

// room is the text with which the image is made: as long as the room.
func room() []byte { return append(make([]byte, ConfigRoom), roomEnd...) }

// record is where the file is in the image, in bytes.
type record struct{ start, size, length int64 }

// findConfig reads the records of the root directory.
func findConfig(img io.ReaderAt) (r record, err error) {
	pvd, err := descriptor(img)
	if err != nil {
		return r, err
	}
	at, size := extent(pvd[156:190])
	if size > 1<<20 {
		return r, fmt.Errorf("a root directory of %d bytes", size)
	}
	dir := make([]byte, size)
	if _, err := img.ReadAt(dir, at); err != nil {
		return r, err
	}
	name := append([]byte{'N', 'M', byte(5 + len(layout.ConfigFile)), 1, 0}, layout.ConfigFile...) // Rock Ridge's name (RRIP 4.1.4)
	err = records(dir, func(pos int, one []byte) error {
		if bytes.Contains(one, name) {
			r.start, r.size = extent(one)
			r.length = at + int64(pos) + 10
		}
		return nil
	})
	switch {
	case err != nil:
		return r, err
	case r.length == 0:
		return r, ErrNoRoom
	}
	return r, r.hasRoom(img)
}

func (r record) hasRoom(img io.ReaderAt) error {
	end := make([]byte, len(roomEnd))
	if _, err := img.ReadAt(end, r.start+int64(ConfigRoom)); err != nil || string(end) != roomEnd || r.size > int64(ConfigRoom+len(roomEnd)) {
		return ErrNoRoom
	}
	return nil
}
