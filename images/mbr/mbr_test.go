package mbr

import (
	"encoding/hex"
	"testing"
)

// The expected bytes are those of sfdisk and of the UEFI specification; no other byte of the record changes.
func TestPut(t *testing.T) {
	record := make([]byte, Size)
	Entry{Type: Protective, First: 1, Sectors: 0x12345678}.Put(record, 0)
	Entry{Active: true, Type: FAT32, First: 8192, Sectors: 0xffffffff}.Put(record, 3)
	const want = "00feffffeefeffff0100000078563412" + "00000000000000000000000000000000" +
		"00000000000000000000000000000000" + "80feffff0cfeffff00200000ffffffff" + "0000"
	if got := hex.EncodeToString(record[Table:]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i, b := range record[:Table] {
		if b != 0 {
			t.Fatalf("byte %d is %#x", i, b)
		}
	}
	if got, want := Types(record), [Entries]byte{Protective, 0, 0, FAT32}; got != want {
		t.Errorf("types %x, want %x", got, want)
	}
}
