package verity

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// TestTree: written in any parts, also again after Truncate, it is the tree that Write writes.
func TestTree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, blocks := range []int{1, 2, 127, 128, 129, 200, 128*128 + 1} {
		data := bytes.Repeat([]byte{1, 2, 3, byte(blocks)}, blocks*BlockSize/4)
		data[len(data)/2]++
		var want bytes.Buffer
		root, err := Write(&want, bytes.NewReader(data), int64(len(data)), []byte("salt"), [16]byte{7})
		if err != nil {
			t.Fatal(err)
		}
		tree, err := NewTree(int64(len(data)), []byte("salt"), [16]byte{7})
		if err != nil {
			t.Fatal(err)
		}
		for again := range 2 {
			for at := int(tree.Size()); at < len(data); {
				n := min(1+r.IntN(3*BlockSize), len(data)-at)
				if _, err := tree.Write(data[at : at+n]); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			if keep := int64(blocks/2) * BlockSize; again == 0 {
				if err := tree.Truncate(keep); err != nil || tree.Size() != keep {
					t.Fatal(tree.Size(), err)
				}
			}
		}
		rest, got, err := tree.Finish()
		if err != nil || !bytes.Equal(got, root) {
			t.Fatalf("%d blocks: root %x, %v; want %x", blocks, got, err, root)
		}
		if b, err := io.ReadAll(rest); err != nil || !bytes.Equal(b, want.Bytes()) || int64(len(b)) != Size(int64(len(data))) {
			t.Errorf("%d blocks: another tree, %v", blocks, err)
		}
	}
}

// TestTreeRefuses: more data, less data, and sizes that are no blocks.
func TestTreeRefuses(t *testing.T) {
	if _, err := NewTree(BlockSize+1, nil, [16]byte{}); err == nil {
		t.Error("no whole blocks")
	}
	tree, err := NewTree(2*BlockSize, nil, [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Write(make([]byte, 2*BlockSize+1)); err == nil {
		t.Error("too much")
	}
	if _, err := tree.Write(make([]byte, BlockSize+1)); err != nil {
		t.Error(err)
	}
	if _, _, err := tree.Finish(); err == nil {
		t.Error("too little")
	}
	for _, size := range []int64{-BlockSize, 1, 2 * BlockSize} {
		if tree.Truncate(size) == nil {
			t.Errorf("truncated to %d", size)
		}
	}
}
