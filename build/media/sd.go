package media

import (
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/build/files"
)

// SD writes the image of an SD card, compressed, because most of it is empty space of the second slot. tmp has the raw
// image meanwhile.
func SD(file, tmp string, p Parts) error {
	raw := filepath.Join(tmp, "sd.img")
	if err := Disk(raw, "sd", p); err != nil {
		return err
	}
	return compress(file, raw)
}

// compress writes a zstd frame with the content size, so that a flashing program can check the card's size first. It
// uses one goroutine: the bytes must not depend on the number of CPUs.
func compress(file, raw string) error {
	in, err := os.Open(raw)
	if err != nil {
		return err
	}
	defer in.Close() // opened for reading: a close error loses nothing
	st, err := in.Stat()
	if err != nil {
		return err
	}
	return files.Create(file, func(f *os.File) error {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		z.ResetContentSize(f, st.Size())
		if _, err := io.Copy(z, in); err != nil {
			return err
		}
		return z.Close()
	})
}

// RawSize returns the uncompressed size in bytes of a compressed image; 0 if the file is not one.
func RawSize(file string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close() // opened for reading: a close error loses nothing
	head := make([]byte, zstd.HeaderMaxSize)
	n, _ := io.ReadFull(f, head) // a file shorter than a header is not an image
	var h zstd.Header
	if h.Decode(head[:n]) != nil || !h.HasFCS {
		return 0
	}
	return int64(h.FrameContentSize)
}
