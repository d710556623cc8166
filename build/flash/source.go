package flash

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

const zstdSuffix = ".zst"

// image is the image to write.
type image struct {
	name string
	file *os.File
	size int64 // uncompressed
	head *sparse.File
	z    *zstd.Decoder // nil: not compressed
}

// openImage opens the image. It reads a compressed one to its end, so that its size is known, and that it is complete,
// before a disk is overwritten.
func openImage(ctx context.Context, file string, bars func(string, int64) *bar) (*image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	img := &image{name: filepath.Base(file), file: f}
	if err := img.measure(ctx, bars); err != nil {
		img.Close() // nothing was written
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return img, nil
}

func (img *image) measure(ctx context.Context, bars func(string, int64) *bar) error {
	st, err := img.file.Stat()
	if err != nil {
		return err
	}
	img.size = st.Size()
	if strings.HasSuffix(img.name, zstdSuffix) {
		b := bars("check "+img.name, img.size)
		err := img.unpack(ctx, b.tick)
		b.done(err)
		if err != nil {
			return err
		}
	}
	if img.size < headSize || img.size%layout.Sector != 0 {
		return fmt.Errorf("%d bytes are no disk image", img.size)
	}
	return img.readHead()
}

// unpack counts the uncompressed bytes.
func (img *image) unpack(ctx context.Context, tick func(int64)) error {
	z, err := zstd.NewReader(img.file, zstd.WithDecoderConcurrency(2))
	if err != nil {
		return err
	}
	img.z = z
	buf := make([]byte, chunk)
	for img.size = 0; ; {
		n, err := z.Read(buf)
		img.size += int64(n)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("unpack: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		at, _ := img.file.Seek(0, io.SeekCurrent) // position for the progress bar
		tick(at)
	}
}

// readHead reads the first bytes, to check the partition table.
func (img *image) readHead() error {
	r, err := img.reader()
	if err != nil {
		return err
	}
	b := make([]byte, headSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	img.head = sparse.New(img.size)
	_, err = img.head.WriteAt(b, 0)
	return err
}

// reader returns a reader from the beginning.
func (img *image) reader() (io.Reader, error) {
	if _, err := img.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if img.z == nil {
		return img.file, nil
	}
	return img.z, img.z.Reset(img.file)
}

// sectors is what can be read anywhere: all of an image, or the head of a compressed one.
func (img *image) sectors() sparse.ReadWriterAt {
	if img.z == nil {
		return img.file
	}
	return img.head
}

// is says whether a path is the image itself, which must not be written over itself.
func (img *image) is(path string) bool {
	a, err := os.Stat(path)
	if err != nil {
		return false // opening it returns the error
	}
	b, err := img.file.Stat()
	return err == nil && os.SameFile(a, b)
}

// Close closes the file and the decompressor.
func (img *image) Close() error {
	if img.z != nil {
		img.z.Close()
	}
	return img.file.Close()
}
