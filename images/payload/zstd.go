package payload

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zipper compresses frames and indexes, also concurrently. Frames have no checksum: all of them have a sha256.
var zipper = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
})

// Zip returns a frame.
func Zip(content []byte) ([]byte, error) {
	z, err := zipper()
	if err != nil {
		return nil, err
	}
	return z.EncodeAll(content, nil), nil
}

// unzipper decodes frames, one after the other.
type unzipper struct{ z *zstd.Decoder }

func newUnzipper() (unzipper, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
	return unzipper{z}, err
}

// unzip decodes a frame into b, which has the capacity for all that it may be.
func (u unzipper) unzip(b, frame []byte) ([]byte, error) {
	n, err := unzipped(frame, cap(b))
	if err != nil {
		return nil, err
	}
	return u.z.DecodeAll(frame, b[:0:n])
}

// unzipped returns the length of what is in a frame, which must say it and need no more memory than that.
func unzipped(frame []byte, limit int) (int, error) {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return 0, err
	}
	if !h.HasFCS || h.Skippable || h.FrameContentSize > uint64(limit) || h.WindowSize > uint64(limit) {
		return 0, fmt.Errorf("a frame of %d bytes with a window of %d, at most %d", h.FrameContentSize, h.WindowSize, limit)
	}
	return int(h.FrameContentSize), nil
}

func unzipOnce(frame []byte, limit int) ([]byte, error) {
	n, err := unzipped(frame, limit)
	if err != nil {
		return nil, err
	}
	u, err := newUnzipper()
	if err != nil {
		return nil, err
	}
	defer u.z.Close()
	return u.unzip(make([]byte, 0, n), frame)
}
