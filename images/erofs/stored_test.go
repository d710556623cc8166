package erofs

import (
	"bytes"
	"os"
	"testing"
)

// TestStored: the blocks of whole clusters are those that the codec makes of the content again.
func TestStored(t *testing.T) {
	for _, codec := range codecs {
		list := forest(5)
		b, err := os.ReadFile(image(t, codec, list))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Open(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		parts := 0
		for _, r := range m.Regions() {
			if r.Path == "" {
				if got, err := m.AppendStored(nil, "", BlockSize, r.Content-BlockSize); err != nil || !bytes.Equal(got, b[BlockSize:r.Content]) {
					t.Errorf("%s: raw bytes: %v", codec, err)
				}
				continue
			}
			for off := int64(0); off < r.Content; off += Cluster {
				for _, n := range []int64{min(Cluster, r.Content-off), min(3*Cluster, r.Content-off), r.Content - off} {
					content := make([]byte, n)
					if err := m.ReadContent(r.Path, off, content); err != nil {
						t.Fatal(err)
					}
					want := []byte("before")
					for len(content) > 0 {
						if want, err = codec.Encode(want, content[:min(Cluster, len(content))]); err != nil {
							t.Fatal(err)
						}
						content = content[min(Cluster, len(content)):]
					}
					got, err := m.AppendStored([]byte("before"), r.Path, off, n)
					if parts++; err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%s: %s from %d, %d bytes: %d stored, want %d, %v", codec, r.Path, off, n, len(got), len(want), err)
					}
				}
			}
			for _, bad := range [][2]int64{{1, r.Content - 1}, {0, r.Content - 1}, {0, r.Content + Cluster}, {-Cluster, Cluster}, {r.Content, 0}} {
				if _, err := m.AppendStored(nil, r.Path, bad[0], bad[1]); err == nil && (bad[1] != 0 && (bad[0]+bad[1])%Cluster != 0 || bad[0] < 0) {
					t.Errorf("%s: %d bytes at %d of %d", codec, bad[1], bad[0], r.Content)
				}
			}
		}
		if _, err := m.AppendStored(nil, "no/file", 0, Cluster); err == nil || parts < 10 {
			t.Errorf("%s: %v, %d parts", codec, err, parts)
		}
	}
}
