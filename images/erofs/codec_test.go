package erofs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/proa-os/proa/images/golden"
)

// corpus is what codecs are compared by: random bytes, zeros and text of many sizes, and what looks like a program.
func corpus() (list [][]byte) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, size := range []int{1, 12, 13, 100, 4096, 4097, 5000, 8192, 20000, 65535, 65536, 65537, 100_000, Cluster - 1, Cluster} {
		for kind := range kinds {
			list = append(list, bytesOf(r, kind, size))
		}
		list = append(list, program(r, size))
	}
	for range 40 {
		list = append(list, program(r, Cluster))
	}
	return list
}

// program is like machine code and its tables: few opcodes, many small numbers, addresses that grow, and names.
func program(r *rand.Rand, size int) []byte {
	out := make([]byte, 0, size+64)
	for len(out) < size {
		switch r.IntN(5) {
		case 0:
			out = binary.LittleEndian.AppendUint64(out, 0x40_0000+uint64(len(out)*16+r.IntN(64)))
		case 1:
			out = fmt.Appendf(out, "k8s.io/%s.(*%s).%s\x00", words[r.IntN(len(words))], words[r.IntN(len(words))], words[r.IntN(len(words))])
		case 2:
			out = binary.AppendUvarint(out, uint64(r.IntN(1<<r.IntN(20))+1))
		default:
			out = append(out, 0x48, []byte{0x89, 0x8b, 0x8d, 0x83}[r.IntN(4)], byte(0xc0+r.IntN(64)), byte(r.IntN(8)*8), 0xe8)
			out = binary.LittleEndian.AppendUint32(out, uint32(r.IntN(1<<22)-len(out)))
		}
	}
	return out[:size]
}

var words = strings.Fields("api core meta Pod Node Service String Get Set Marshal Unmarshal client server watch list informer runtime Status Spec Error")

// TestFrozen: the bytes of a codec are those of every release so far. If this fails after an update of a library, the
// new encoder is a new codec.
func TestFrozen(t *testing.T) {
	var text string
	for _, c := range codecs {
		all, total := sha256.New(), 0
		for i, content := range corpus() {
			out, err := c.Encode(nil, content)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(out)
			total += len(out)
			if i%6 == 5 {
				text += fmt.Sprintf("%s %6d %6d %x\n", c, len(content), len(out), sha256.Sum256(out))
			}
		}
		text += fmt.Sprintf("%s    all %d %x\n", c, total, all.Sum(nil))
	}
	golden.Check(t, "codecs", text)
}

// TestNoMemory: the bytes depend neither on what was encoded before, nor on what is encoded at the same time, nor on the
// buffer.
func TestNoMemory(t *testing.T) {
	list := corpus()
	for _, c := range codecs {
		want := make([][]byte, len(list))
		for i, content := range list {
			want[i], _ = c.Encode(nil, content)
		}
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(worker), 1))
				buffer := make([]byte, 0, r.IntN(3*Cluster))
				for range 300 {
					i := r.IntN(len(list))
					out, err := c.Encode(append(buffer, "before"...), list[i])
					if err != nil || !bytes.Equal(out, append([]byte("before"), want[i]...)) {
						t.Errorf("%s: content %d is encoded differently, %v", c, i, err)
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestDecoders: the libraries' decoders read what is stored, and nothing is larger than its content.
func TestDecoders(t *testing.T) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderMaxWindow(Cluster))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, c := range codecs {
		small := 0
		for i, content := range corpus() {
			out, err := c.Encode(nil, content)
			if err != nil || len(out)%BlockSize != 0 || len(out) > len(content)+BlockSize-1 {
				t.Fatalf("%s: content %d: %d bytes, %v", c, i, len(out), err)
			}
			got := out[:len(content)]
			if blocks(int64(len(out))) < blocks(int64(len(content))) {
				small++
				packed := bytes.TrimLeft(out, "\x00")
				if c == Zstd {
					got, err = z.DecodeAll(packed, nil)
				} else {
					got = make([]byte, len(content))
					_, err = lz4.UncompressBlock(packed, got)
				}
			}
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: content %d: %v", c, i, err)
			}
		}
		if c != None && small < 50 || c == None && small > 0 {
			t.Errorf("%s: %d clusters shrank", c, small)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, size := range []int{0, Cluster + 1} {
		if _, err := LZ4.Encode(nil, make([]byte, size)); err == nil {
			t.Errorf("a cluster of %d bytes", size)
		}
	}
	if _, err := Codec("lz4-2").Encode(nil, []byte("a")); err == nil || err.Error() != `erofs: unknown codec "lz4-2"` {
		t.Errorf("%v", err)
	}
}
