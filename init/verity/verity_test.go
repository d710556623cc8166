package verity

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unsafe"

	"github.com/proa-os/proa/images/verity"
)

func image(t *testing.T) ([]byte, int64, string) {
	t.Helper()
	data := bytes.Repeat([]byte("proa"), 4096*300/4)
	var tree bytes.Buffer
	root, err := verity.Write(&tree, bytes.NewReader(data), int64(len(data)), bytes.Repeat([]byte{7}, 32), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(data), tree.Bytes()...), int64(len(data)), hex.EncodeToString(root)
}

func TestCheck(t *testing.T) {
	img, size, hash := image(t)
	if err := Check(bytes.NewReader(img), size, hash); err != nil {
		t.Error(err)
	}
	if err := Check(bytes.NewReader(img), size, strings.Repeat("0", 64)); err == nil {
		t.Error("another slot's hash was accepted")
	}
	img[size+4096]++
	if err := Check(bytes.NewReader(img), size, hash); err == nil {
		t.Error("a changed tree was accepted")
	}
	if err := Check(bytes.NewReader(img[:size]), size, hash); err == nil {
		t.Error("no tree at all")
	}
}

// TestCheckOneBlock: an image of one block has no tree, and what the medium had before may follow the superblock.
func TestCheckOneBlock(t *testing.T) {
	data := bytes.Repeat([]byte("proa"), verity.BlockSize/4)
	var tree bytes.Buffer
	root, err := verity.Write(&tree, bytes.NewReader(data), int64(len(data)), []byte("salt"), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	img := append(append(bytes.Clone(data), tree.Bytes()...), make([]byte, verity.BlockSize)...)
	if err := Check(bytes.NewReader(img), int64(len(data)), hex.EncodeToString(root)); err != nil {
		t.Error(err)
	}
	img[9]++
	if err := Check(bytes.NewReader(img), int64(len(data)), hex.EncodeToString(root)); err == nil {
		t.Error("another block was accepted")
	}
}

// TestHeader: the kernel checks the size, which is part of the ioctl's number.
func TestHeader(t *testing.T) {
	if n := unsafe.Sizeof(header{}); n != 312 {
		t.Errorf("struct dm_ioctl has %d bytes", n)
	}
	if n := unsafe.Sizeof(target{}); n != 40 {
		t.Errorf("struct dm_target_spec has %d bytes", n)
	}
	row := encode("verity", 8, "1 a b")
	if len(row)%8 != 0 || !bytes.Contains(row, []byte("1 a b\x00")) {
		t.Errorf("row %q", row)
	}
}

// TestStatus: the status of the verity target is V, or C after a block did not match
// (Documentation/admin-guide/device-mapper/verity.rst).
func TestStatus(t *testing.T) {
	for status, want := range map[string]bool{"V\x00": false, "C\x00": true, "C -\x00": true, "": false} {
		answer := append(request("x", 0, nil)[:unsafe.Sizeof(header{})], make([]byte, unsafe.Sizeof(target{}))...)
		if got := corrupt(append(answer, status...)); got != want {
			t.Errorf("%q: %t", status, got)
		}
	}
	if unsafe.Sizeof(header{}) != 312 || unsafe.Sizeof(target{}) != 40 {
		t.Error("not the kernel's structures")
	}
}
