package verity

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/proa-os/proa/build/oracle"
)

var (
	salt = bytes.Repeat([]byte{0xab, 0x01}, 16)
	uuid = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
)

func data(blocks int) []byte {
	b := make([]byte, blocks*BlockSize)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func build(t *testing.T, blocks int) (image []byte, root string) {
	t.Helper()
	d := data(blocks)
	var tree bytes.Buffer
	hash, err := Write(&tree, bytes.NewReader(d), int64(len(d)), salt, uuid)
	if err != nil {
		t.Fatal(err)
	}
	if int64(tree.Len()) != Size(int64(len(d))) {
		t.Errorf("%d blocks: wrote %d bytes, Size says %d", blocks, tree.Len(), Size(int64(len(d))))
	}
	return append(d, tree.Bytes()...), hex.EncodeToString(hash)
}

// One block has no tree; 128 blocks fill one hash block, 129 need a second level, 16385 a third.
var sizes = []int{1, 2, 127, 128, 129, 5000, 16384, 16385}

func TestVeritysetupAgrees(t *testing.T) {
	bin := oracle.Tool(t, "veritysetup")
	for _, blocks := range sizes {
		image, root := build(t, blocks)
		name := filepath.Join(t.TempDir(), "img")
		verify := func() ([]byte, error) {
			if err := os.WriteFile(name, image, 0o600); err != nil {
				t.Fatal(err)
			}
			return exec.Command(bin, "verify", name, name, root, "--hash-offset", strconv.Itoa(blocks*BlockSize)).CombinedOutput()
		}
		if out, err := verify(); err != nil {
			t.Errorf("%d blocks: %v\n%s", blocks, err, out)
		}
		image[len(image)/3] ^= 1
		if _, err := verify(); err == nil {
			t.Errorf("%d blocks: a flipped bit went unnoticed", blocks)
		}
	}
}

func TestParamsComeBack(t *testing.T) {
	image, root := build(t, 300)
	p, err := ReadParams(bytes.NewReader(image), 300*BlockSize)
	if err != nil {
		t.Fatal(err)
	}
	want := "1 8:3 8:3 4096 4096 300 301 sha256 " + root + " " + hex.EncodeToString(salt)
	if got := p.Target("8:3", root); got != want {
		t.Errorf("target\n%s, want\n%s", got, want)
	}
	if p.Sectors() != 2400 || p.UUID != uuid {
		t.Errorf("%d sectors, uuid %x", p.Sectors(), p.UUID)
	}
}

func TestReadParamsRefuses(t *testing.T) {
	image, _ := build(t, 4)
	for name, at := range map[string]int{"magic": 0, "version": 8, "algorithm": 33, "block size": 65, "data blocks": 74, "salt length": 81} {
		bad := bytes.Clone(image)
		bad[4*BlockSize+at] ^= 0x40
		if _, err := ReadParams(bytes.NewReader(bad), 4*BlockSize); err == nil {
			t.Errorf("wrong %s accepted", name)
		}
	}
	if _, err := ReadParams(bytes.NewReader(image), int64(len(image))); err == nil {
		t.Error("superblock read behind the end")
	}
}
