package erofs

import (
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec names an encoder with all its options. An encoder that gives other bytes gets another name, because devices make
// the bytes of an image from contents: testdata/codecs.golden holds the libraries to it.
type Codec string

// The codecs. None leaves contents as they are.
const (
	None Codec = "none"
	LZ4  Codec = "lz4-1"
	Zstd Codec = "zstd-1"
)

// Form is the name of the form that images of this codec have in a release.
func (c Codec) Form() string { return "erofs-" + string(c) }

// Cluster is how many bytes of content are compressed together. A file's last cluster may be smaller.
const Cluster = 128 << 10

// encoder is what a codec stands for.
type encoder struct {
	compress  func(dst, content []byte) ([]byte, error) // appends; nil: contents stay as they are
	algorithm byte                                      // Z_EROFS_COMPRESSION_…
	config    []byte                                    // the algorithm's record behind the superblock
}

var encoders = map[Codec]encoder{
	None: {},
	LZ4: {compress: compressLZ4, algorithm: 0, config: []byte{
		0xff, 0xff, // greatest distance
		Cluster/BlockSize - 1, 0, // most blocks of a cluster that is compressed
		13: 0,
	}},
	Zstd: {compress: compressZstd, algorithm: 3, config: []byte{
		0, // format
		7, // window: 1 << (10+7) bytes, a cluster
		5: 0,
	}},
}

func (c Codec) encoder() (encoder, error) {
	e, ok := encoders[c]
	if !ok {
		return e, fmt.Errorf("unknown codec %q", string(c))
	}
	return e, nil
}

// Encode appends the blocks of a cluster to dst: its content compressed, with zeros in front of it, or, if that takes no
// fewer blocks, the content with zeros behind it. Whatever was encoded before and elsewhere, the bytes are the same.
func (c Codec) Encode(dst, content []byte) ([]byte, error) {
	e, err := c.encoder()
	if err != nil {
		return nil, fmt.Errorf("erofs: %w", err)
	}
	if len(content) == 0 || len(content) > Cluster {
		return nil, fmt.Errorf("erofs: a cluster of %d bytes", len(content))
	}
	start, plain := len(dst), blocks(int64(len(content)))
	if e.compress != nil && plain > 1 {
		if dst, err = e.compress(dst, content); err != nil {
			return nil, fmt.Errorf("erofs: %s: %w", c, err)
		}
		if stored := blocks(int64(len(dst) - start)); stored < plain {
			return alignRight(dst, start, int(stored*BlockSize)), nil
		}
	}
	dst = append(dst[:start], content...)
	return append(dst, make([]byte, int(plain*BlockSize)-len(content))...), nil
}

// alignRight moves the bytes from start on to the end of size bytes, as the kernel wants compressed data
// (EROFS_FEATURE_INCOMPAT_ZERO_PADDING).
func alignRight(dst []byte, start, size int) []byte {
	n := len(dst) - start
	dst = append(dst, make([]byte, size-n)...)
	copy(dst[start+size-n:], dst[start:start+n])
	clear(dst[start : start+size-n])
	return dst
}

func compressLZ4(dst, content []byte) ([]byte, error) {
	start, bound := len(dst), lz4.CompressBlockBound(len(content))
	dst = slices.Grow(dst, bound)
	n, err := lz4.CompressBlock(content, dst[start:start+bound], nil)
	return dst[:start+n], err
}

// zstds has encoders for as many callers as there are at a time, since one takes 2 MB.
var zstds = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(Cluster), zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("BUG: erofs: " + err.Error())
	}
	return z
}}

func compressZstd(dst, content []byte) ([]byte, error) {
	z := zstds.Get().(*zstd.Encoder)
	defer zstds.Put(z)
	return z.EncodeAll(content, dst), nil
}
