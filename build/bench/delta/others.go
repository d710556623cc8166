package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/tree"
)

// blockSize is that of zsync and the like, and indexEntry the bytes of each block in their index.
const blockSize, indexEntry = 4096, 32

// blocks returns what a device would fetch by an index of blocks: the index, and the blocks that are nowhere in the older
// slot file, compressed one by one.
func blocks(old, new string) (n int64, err error) {
	have := map[[32]byte]bool{}
	if err := eachBlock(old, func(sum [32]byte, _ []byte) { have[sum] = true }); err != nil {
		return 0, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	var packed []byte
	err = eachBlock(new, func(sum [32]byte, b []byte) {
		n += indexEntry
		if !have[sum] {
			have[sum] = true
			packed = z.EncodeAll(b, packed[:0])
			n += int64(min(len(packed), len(b)))
		}
	})
	return n, err
}

func eachBlock(file string, do func([32]byte, []byte)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // it is only read
	r, b := bufio.NewReaderSize(f, 1<<20), make([]byte, blockSize)
	for {
		k, err := io.ReadFull(r, b)
		if k > 0 {
			do(sha256.Sum256(b[:k]), b[:k])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// patchFrom returns how many bytes zstd needs for a file beside an older one; old may be empty.
func patchFrom(ctx context.Context, level int, dir, old, new string) (int64, error) {
	out := filepath.Join(dir, "patch.zst")
	argv := []string{"-q", "-f", "-" + strconv.Itoa(level), "--long=31"}
	if old != "" {
		argv = append(argv, "--patch-from="+old)
	}
	if said, err := exec.CommandContext(ctx, "zstd", append(argv, new, "-o", out)...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("zstd: %w: %s; start this by `go run ./build tool -- …`", err, said)
	}
	st, err := os.Stat(out)
	if err != nil {
		return 0, err
	}
	return st.Size(), os.Remove(out)
}

// byFile returns what zstd --patch-from needs for the contents of each file that changed: of the root, and boot files.
func (m measurer) byFile(ctx context.Context, tmp, old, new string) (n int64, err error) {
	a, err := contentsOf(old)
	if err != nil {
		return 0, err
	}
	b, err := contentsOf(new)
	if err != nil {
		return 0, err
	}
	was, is := filepath.Join(tmp, "was"), filepath.Join(tmp, "is")
	for name, c := range b {
		before, there := a[name]
		from := ""
		if there {
			from = was
			if same, err := copyOut(before, was); err != nil {
				return 0, err
			} else if now, err := copyOut(c, is); err != nil || now == same {
				if err != nil {
					return 0, err
				}
				continue
			}
		} else if _, err := copyOut(c, is); err != nil {
			return 0, err
		}
		k, err := patchFrom(ctx, m.level, tmp, from, is)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		n += k
	}
	return n, errors.Join(remove(was), remove(is))
}

func remove(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// contentsOf returns the contents of a slot file by name: of files of the root image, and of what boot files hold.
func contentsOf(file string) (map[string]tree.Content, error) {
	s, err := releasing.OpenSlot(file)
	if err != nil {
		return nil, err
	}
	c, err := s.Contents() // the file stays open as long as this program runs
	if err != nil {
		return nil, err
	}
	all := map[string]tree.Content{}
	for _, f := range c.Files {
		for _, r := range f.Regions {
			all[f.Name+" "+r.Path] = r.Content
		}
	}
	return all, nil
}

// copyOut writes a content to a file and returns its sum.
func copyOut(c tree.Content, to string) (sum [32]byte, err error) {
	in, err := c.Open()
	if err != nil {
		return sum, err
	}
	defer in.Close() // it is only read
	out, err := os.Create(to)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	h.Sum(sum[:0])
	return sum, errors.Join(err, out.Close())
}
