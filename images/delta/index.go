package delta

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sort"
)

const (
	// window is the number of equal bytes by which a match is found.
	window = 8
	// stride is the distance of those windows of the old content that are in the index. A match of window+stride-1
	// bytes is always found.
	stride = 4
	// candidates limits how many places with the same hash are compared: half of them are those nearest to the expected
	// one, the others are spread over the content, as the nearest may all be at its end.
	candidates = 32
)

// Index finds the places of an old content where the bytes of a new one stand. Besides the content, which must not be
// changed, it needs up to two bytes of memory for each byte of it.
type Index struct {
	old   []byte
	shift int      // makes the number of a bucket of a hash
	start []uint32 // of each bucket in at
	at    []uint32 // offsets divided by stride, ascending within a bucket
}

// NewIndex reads the old content, which has at most MaxOld bytes.
func NewIndex(old []byte) (*Index, error) {
	if int64(len(old)) > MaxOld {
		return nil, fmt.Errorf("delta: old content of %d bytes, at most %d", len(old), int64(MaxOld))
	}
	n := max(0, len(old)-window+stride) / stride
	x := &Index{old: old, shift: 64 - max(8, bits.Len(uint(n)))}
	x.start, x.at = make([]uint32, 1<<(64-x.shift)+1), make([]uint32, n)
	for i := range n {
		x.start[x.bucket(old[i*stride:])]++
	}
	for i := 1; i < len(x.start); i++ {
		x.start[i] += x.start[i-1] // the end of bucket i; filling it backwards makes it the beginning
	}
	for i := n - 1; i >= 0; i-- {
		b := x.bucket(old[i*stride:])
		x.start[b]--
		x.at[x.start[b]] = uint32(i)
	}
	return x, nil
}

func (x *Index) bucket(b []byte) int {
	h := binary.LittleEndian.Uint64(b) * 0xff51afd7ed558ccd
	return int((h ^ h>>32) * 0xc4ceb9fe1a85ec53 >> x.shift)
}

// find returns the place with the most bytes equal to the beginning of b, the nearest to near of several, and how many
// those are; zero if there is none in the index.
func (x *Index) find(b []byte, near int) (at, length int) {
	if len(b) < window {
		return 0, 0
	}
	k := x.bucket(b)
	list := x.at[x.start[k]:x.start[k+1]]
	take := func(place uint32) {
		p := int(place) * stride
		n := equal(x.old[p:], b)
		if n > length || n == length && distance(p, near) < distance(at, near) {
			at, length = p, n
		}
	}
	if len(list) > candidates {
		for i := range candidates / 2 {
			take(list[i*len(list)/(candidates/2)])
		}
		i := sort.Search(len(list), func(i int) bool { return int(list[i])*stride >= near })
		i = min(max(0, i-candidates/4), len(list)-candidates/2)
		list = list[i : i+candidates/2]
	}
	for _, place := range list {
		take(place)
	}
	return at, length
}

func distance(a, b int) int { return max(a-b, b-a) }

// equal returns how many bytes at the beginning of a and b are equal.
func equal(a, b []byte) int {
	n, i := min(len(a), len(b)), 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// matching returns how many of the bytes of a and b are equal at the same place.
func matching(a, b []byte) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}
