// Package irelative works around a bug of binutils 2.44 in static ARM programs of more than 16 MiB: where calls of an
// indirect function (IFUNC) need long branches, the linker drops the Thumb bit from the address of its resolver, and
// the program crashes in the C library's startup code. It changes nothing else; a correct program stays as it is.
package irelative

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
)

// irelative is R_ARM_IRELATIVE ("ELF for the Arm Architecture", table of dynamic relocations): the word at its offset
// is the address of a resolver, which returns the address to store there.
const irelative = 160

// Mend sets the Thumb bit in a program file and returns the number of resolvers that lacked it. If the C library's
// startup code is Thumb code, as the entry point shows, all resolvers are Thumb code.
func Mend(file string) (mended int, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	if f.Machine != elf.EM_ARM || f.Entry&1 == 0 {
		return 0, nil
	}
	out, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer out.Close() // closed again below, with its error
	for _, va := range resolvers(f) {
		did, err := setBit(f, out, va)
		if err != nil {
			return mended, fmt.Errorf("%s: resolver at %#x: %w", file, va, err)
		}
		if did {
			mended++
		}
	}
	return mended, out.Close()
}

// resolvers returns the addresses of the words that such relocations patch.
func resolvers(f *elf.File) (list []uint64) {
	for _, s := range f.Sections {
		if s.Type != elf.SHT_REL {
			continue
		}
		data, err := s.Data()
		if err != nil {
			continue // a stripped table has no relocations either
		}
		for ; len(data) >= 8; data = data[8:] {
			if elf.R_TYPE32(f.ByteOrder.Uint32(data[4:])) == irelative {
				list = append(list, uint64(f.ByteOrder.Uint32(data)))
			}
		}
	}
	return list
}

func setBit(f *elf.File, out *os.File, va uint64) (bool, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || va < p.Vaddr || va+4 > p.Vaddr+p.Filesz {
			continue
		}
		at, word := int64(p.Off+va-p.Vaddr), make([]byte, 4)
		if _, err := out.ReadAt(word, at); err != nil {
			return false, err
		}
		v := f.ByteOrder.Uint32(word)
		if v&1 == 1 {
			return false, nil
		}
		_, err := out.WriteAt(binary.LittleEndian.AppendUint32(nil, v|1), at)
		return true, err
	}
	return false, fmt.Errorf("in no segment of the file")
}
