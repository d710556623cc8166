package kmod

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ulikunitz/xz"

	"github.com/proa-os/proa/images/tree"
)

// unpacked is the content of an xz file of one stream, decompressed whenever it is read.
func unpacked(file string) (tree.Content, error) {
	size, err := unpackedSize(file)
	if err != nil {
		return tree.Content{}, fmt.Errorf("%s: %w", file, err)
	}
	return tree.Content{Size: size, Open: func() (io.ReadCloser, error) { return open(file) }}, nil
}

// reader is an open file and what is decompressed from it.
type reader struct {
	io.Reader
	io.Closer
}

func open(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	r, err := xz.ReaderConfig{SingleStream: true}.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), f.Close())
	}
	return reader{r, f}, nil
}

// errNoStream is what a file gives that does not end like an xz stream.
var errNoStream = errors.New("not a whole xz file")

// footer is the length of an xz stream's end: CRC-32, size of the index, flags, "YZ".
const footer = 12

// unpackedSize adds up what the stream's index says of its blocks. Whoever reads the content compares it.
func unpackedSize(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if len(b) < footer || !bytes.HasSuffix(b, []byte("YZ")) {
		return 0, errNoStream
	}
	b, end := b[:len(b)-footer], b[len(b)-footer:]
	size := (int64(binary.LittleEndian.Uint32(end[4:])) + 1) * 4
	if size > int64(len(b)) {
		return 0, errNoStream
	}
	return sumOfIndex(bytes.NewReader(b[int64(len(b))-size:]))
}

// sumOfIndex reads an index: a zero, the number of blocks, and of each its compressed and its uncompressed size.
func sumOfIndex(r *bytes.Reader) (sum int64, err error) {
	mark, err := r.ReadByte()
	if err != nil || mark != 0 {
		return 0, errNoStream
	}
	count, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, errNoStream
	}
	for range count {
		_, failed := binary.ReadUvarint(r)
		size, err := binary.ReadUvarint(r)
		if failed != nil || err != nil {
			return 0, errNoStream
		}
		sum += int64(size)
	}
	return sum, nil
}
