package irelative

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// program returns an ELF file with two such relocations, of the words at 0x10100 and 0x10104.
func program(t *testing.T, machine elf.Machine, entry uint32, words [2]uint32) string {
	t.Helper()
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a buffer returns no errors
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2LSB), 1}
	put(elf.Header32{Ident: ident, Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Entry: entry, Phoff: 52, Shoff: 84, Ehsize: 52,
		Phentsize: 32, Phnum: 1, Shentsize: 40, Shnum: 3, Shstrndx: 2})
	put(elf.Prog32{Type: uint32(elf.PT_LOAD), Off: 0, Vaddr: 0x10000, Filesz: 0x200, Memsz: 0x200})
	put(elf.Section32{})
	put(elf.Section32{Name: 1, Type: uint32(elf.SHT_REL), Off: 0xe0, Size: 24, Entsize: 8})
	put(elf.Section32{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: 0xd8, Size: 8})
	b.Write(make([]byte, 0xd8-b.Len()))
	b.WriteString("\x00.rel\x00\x00\x00")
	put([]uint32{0x10100, irelative, 0x10104, irelative, 0x10108, 23}) // the last is R_ARM_RELATIVE
	b.Write(make([]byte, 0x100-b.Len()))
	put([]uint32{words[0], words[1], 0x20000})
	b.Write(make([]byte, 0x200-b.Len()))
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, b.Bytes(), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMend(t *testing.T) {
	for name, c := range map[string]struct {
		machine elf.Machine
		entry   uint32
		words   [2]uint32
		want    [2]uint32
		mended  int
	}{
		"both lack it":       {elf.EM_ARM, 0x10001, [2]uint32{0x10010, 0x10020}, [2]uint32{0x10011, 0x10021}, 2},
		"one lacks it":       {elf.EM_ARM, 0x10001, [2]uint32{0x10011, 0x10020}, [2]uint32{0x10011, 0x10021}, 1},
		"sound":              {elf.EM_ARM, 0x10001, [2]uint32{0x10011, 0x10021}, [2]uint32{0x10011, 0x10021}, 0},
		"no Thumb at all":    {elf.EM_ARM, 0x10000, [2]uint32{0x10010, 0x10020}, [2]uint32{0x10010, 0x10020}, 0},
		"of another machine": {elf.EM_386, 0x10001, [2]uint32{0x10010, 0x10020}, [2]uint32{0x10010, 0x10020}, 0},
	} {
		file := program(t, c.machine, c.entry, c.words)
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := Mend(file); n != c.mended || err != nil {
			t.Errorf("%s: mended %d, %v", name, n, err)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		binary.LittleEndian.PutUint32(before[0x100:], c.want[0])
		binary.LittleEndian.PutUint32(before[0x104:], c.want[1])
		if !bytes.Equal(before, after) {
			t.Errorf("%s: % x", name, after[0x100:0x10c])
		}
	}
}

func TestMendRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Mend(file); err == nil {
		t.Error("a text passed for a program")
	}
}
