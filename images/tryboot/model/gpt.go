package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// sector is the only sector size the bootloader supports.
const sector = 512

type partition struct {
	number int
	start  int64
}

// partitions are the FAT partitions, by their number in the table.
type partitions []partition

// fatTypes are the GPT types that the bootloader takes for FAT, in the byte order of an entry: basic data (log in issue
// 818) and EFI system (issue 359).
var fatTypes = map[string]bool{
	"\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7": true,
	"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b": true,
}

// readGPT finds the FAT partitions. Bootloaders before October 2024 found entries at sector 2 only (issue 585).
func readGPT(disk io.ReaderAt) (list partitions, err error) {
	head := make([]byte, sector)
	if _, err := disk.ReadAt(head, sector); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if string(head[:8]) != "EFI PART" || le.Uint64(head[72:]) != 2 || le.Uint32(head[84:]) != 128 {
		return nil, errors.New("no GPT at its usual place")
	}
	entries := make([]byte, 128*int(min(le.Uint32(head[80:]), 128)))
	if _, err := disk.ReadAt(entries, 2*sector); err != nil {
		return nil, err
	}
	for i := 0; i < len(entries); i += 128 {
		if e := entries[i:]; fatTypes[string(e[:16])] {
			list = append(list, partition{i/128 + 1, int64(le.Uint64(e[32:])) * sector})
		}
	}
	// #818, #668: some versions do not find a FAT partition that is separated from the first one by others.
	for i, p := range list {
		if p.number != list[0].number+i {
			return nil, fmt.Errorf("FAT partition %d does not follow the one before it", p.number)
		}
	}
	return list, nil
}

// number returns the partition with that number; 0 is the first one.
func (l partitions) number(n int) (partition, bool) {
	for _, p := range l {
		if n == 0 || p.number == n {
			return p, true
		}
	}
	return partition{}, false
}
