package uboot

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Layout of the legacy image header: struct legacy_img_hdr in U-Boot's include/image.h, 64 bytes, big-endian.
const (
	headerSize = 64
	imageMagic = 0x27051956

	timeAt, sizeAt, headerCRCAt, dataCRCAt = 8, 12, 4, 24
	osAt, archAt, typeAt, nameAt           = 28, 29, 30, 32

	osLinux    = 5
	archARM    = 2 // U-Boot does not check it for scripts
	typeScript = 6
	nameSize   = 32
)

// Image wraps a script in the legacy image format that U-Boot's source command and its script boot method read (mkimage
// -T script): header, length, a zero that ends the list of lengths, and the text. A name that is too long is truncated.
func Image(name string, text []byte, when time.Time) []byte {
	be := binary.BigEndian
	b := make([]byte, headerSize+8, headerSize+8+len(text))
	be.PutUint32(b[headerSize:], uint32(len(text)))
	b = append(b, text...)
	be.PutUint32(b, imageMagic)
	be.PutUint32(b[timeAt:], uint32(when.Unix()))
	be.PutUint32(b[sizeAt:], uint32(len(b)-headerSize))
	be.PutUint32(b[dataCRCAt:], crc32.ChecksumIEEE(b[headerSize:]))
	b[osAt], b[archAt], b[typeAt] = osLinux, archARM, typeScript
	copy(b[nameAt:nameAt+nameSize], name)
	be.PutUint32(b[headerCRCAt:], crc32.ChecksumIEEE(b[:headerSize])) // computed with the header's own checksum set to zero
	return b
}
