package media

import (
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/build/files"
)

// SD writes the image of an SD card, compressed: most of it is room for the second slot. tmp holds the raw image meanwhile.
func SD(file, tmp string, p Parts) error {
	raw := filepath.Join(tmp, "sd.img")
	if err := Disk(raw, "sd", p); err != nil {
		return err
	}
	return compress(file, raw)
}

// compress writes a frame that says how long its content is, so that whoever writes it to a card can check the card's size first. One
// goroutine: the bytes must not depend on the number of processors.
func compress(file, raw string) error {
	in, err := os.Open(raw)
	if err != nil {
		return err
	}
	defer in.Close() // read side: nothing to lose
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

// RawSize is the size in bytes of what a compressed image unpacks to; 0 if the file is no such image.
func RawSize(file string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close() // read side: nothing to lose
	head := make([]byte, zstd.HeaderMaxSize)
	n, _ := io.ReadFull(f, head) // a file shorter than a header is no image
	var h zstd.Header
	if h.Decode(head[:n]) != nil || !h.HasFCS {
		return 0
	}
	return int64(h.FrameContentSize)
}
