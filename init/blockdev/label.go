package blockdev

import (
	"encoding/binary"
	"os"
	"strings"
)

// Label returns the type, as mount(2) names it, and the label of a FAT or an ISO 9660 file system; empty for anything
// else.
func Label(dev string) (fstype, label string) {
	if label := ISOLabel(dev); label != "" {
		return "iso9660", label
	}
	f, err := os.Open(dev)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	boot := make([]byte, 512)
	if _, err := f.ReadAt(boot, 0); err != nil || boot[510] != 0x55 || boot[511] != 0xAA {
		return "", ""
	}
	at := map[bool]int{true: 71, false: 43}[string(boot[82:87]) == "FAT32"]
	if string(boot[at+11:at+14]) != "FAT" {
		return "", ""
	}
	if label := fatRootLabel(f, boot, at == 71); label != "" {
		return "vfat", label
	}
	return "vfat", strings.TrimRight(string(boot[at:at+11]), " \x00")
}

// fatRootLabel returns the label in the root directory, which counts when it differs from the one in the boot sector:
// Windows changes only this one. (FAT specification, 6.2 and 3)
func fatRootLabel(f *os.File, boot []byte, fat32 bool) string {
	le := binary.LittleEndian
	sector, cluster := int64(le.Uint16(boot[11:])), int64(boot[13])
	fats, size := int64(boot[16]), int64(le.Uint16(boot[22:]))
	start, entries := int64(0), int64(le.Uint16(boot[17:]))
	if fat32 {
		size, start = int64(le.Uint32(boot[36:])), int64(le.Uint32(boot[44:]))-2
		entries = sector * cluster / 32
	}
	root := make([]byte, 32*min(max(entries, 0), 512))
	n, _ := f.ReadAt(root, sector*(int64(le.Uint16(boot[14:]))+fats*size+max(start, 0)*cluster))
	for e := root[:n/32*32]; len(e) > 0 && e[0] != 0; e = e[32:] {
		if e[0] != 0xE5 && e[11]&0x3F == 0x08 {
			return strings.TrimRight(string(e[:11]), " ")
		}
	}
	return ""
}
