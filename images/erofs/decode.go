package erofs

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// unzipper has what decoding clusters needs.
type unzipper struct {
	blocks []byte
	z      *zstd.Decoder
}

// cluster returns the content of a cluster of a compressed file.
func (m *Image) cluster(i int, number int64) ([]byte, error) {
	for _, d := range m.recent {
		if d.file == i && d.cluster == number && len(d.content) > 0 {
			return d.content, nil
		}
	}
	f, d := m.files[i], &m.recent[m.turn]
	m.turn = (m.turn + 1) % recent
	size := int(min(Cluster, f.size-number*Cluster))
	if d.content == nil {
		d.content = make([]byte, Cluster)
	}
	content := d.content[:size]
	d.content = d.content[:0] // nothing, if it fails
	if err := m.decode(f, number, content); err != nil {
		return nil, fmt.Errorf("cluster %d: %w", number, err)
	}
	*d = decoded{i, number, content}
	return content, nil
}

// decode fills content with a cluster.
func (m *Image) decode(f file, number int64, content []byte) error {
	index := make([]byte, 2*indexSize)
	at := f.index + number*(Cluster/BlockSize)*indexSize
	if _, err := io.ReadFull(io.NewSectionReader(m.r, at, 2*indexSize), index); err != nil {
		return err
	}
	begin := int64(le.Uint32(index[4:])) * BlockSize
	if le.Uint16(index) == asIs {
		_, err := io.ReadFull(io.NewSectionReader(m.r, begin, int64(len(content))), content)
		return err
	}
	count := int(le.Uint16(index[indexSize+4:]))
	if le.Uint16(index) != head || le.Uint16(index[indexSize:]) != nonHead || count&blockCount == 0 || count&^blockCount > Cluster/BlockSize {
		return fmt.Errorf("index %x", index)
	}
	if m.unzip.blocks == nil {
		m.unzip.blocks = make([]byte, Cluster)
	}
	b := m.unzip.blocks[:(count&^blockCount)*BlockSize]
	if _, err := io.ReadFull(io.NewSectionReader(m.r, begin, int64(len(b))), b); err != nil {
		return err
	}
	return m.unzip.decode(m.codec, content, bytes.TrimLeft(b, "\x00"))
}

func (u *unzipper) decode(c Codec, content, b []byte) (err error) {
	n := 0
	if c == LZ4 {
		n, err = lz4.UncompressBlock(b, content)
	} else {
		n, err = u.zstd(content, b)
	}
	if err == nil && n != len(content) {
		err = fmt.Errorf("%d bytes, %d expected", n, len(content))
	}
	return err
}

func (u *unzipper) zstd(content, b []byte) (n int, err error) {
	if u.z == nil {
		u.z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(Cluster), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return 0, err
		}
	}
	out, err := u.z.DecodeAll(b, content[:0:len(content)])
	return len(out), err
}
