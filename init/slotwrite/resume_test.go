package slotwrite

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// resuming says what it recognises, and notes where the root is read from.
type resuming struct {
	memory
	says  int64
	first *int64
}

func (s resuming) Verified(_ context.Context, f slotfile.File, there io.ReaderAt) (int64, error) {
	if _, err := there.ReadAt(make([]byte, 1), 0); err != nil || f.Name != slotfile.RootName {
		return 0, errors.Join(err, errors.New(f.Name))
	}
	return s.says, nil
}

func (s resuming) ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error {
	if f.Name == slotfile.RootName && *s.first < 0 {
		*s.first = off
	}
	return s.memory.ReadRange(ctx, f, off, b)
}

// TestResume: a write goes on where the source says, also within a chunk; what is not right is noticed at the end.
func TestResume(t *testing.T) {
	image := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	root := bytes.NewBuffer(bytes.Clone(image))
	hash, err := verity.Write(root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	must(t, err)
	c := contents(t, "v2")
	c.Image, c.Hash, c.Root = int64(len(image)), hex.EncodeToString(hash), tree.Bytes(root.Bytes())
	whole := unpacked(t, file(t, c))
	for _, test := range []struct {
		there, says, first int64
		bad                string
	}{
		{0, -1, 0, ""}, {2<<20 + 5000, 2<<20 + 5000, 2<<20 + 5000, ""}, {int64(root.Len()), 1 << 40, -1, ""},
		{1 << 20, 2 << 20, 2 << 20, "checksum mismatch on the medium"},
	} {
		target, _ := flashed(t, chains[0])
		dev := bytes.Clone(root.Bytes()[:test.there])
		must(t, errors.Join(os.WriteFile(target.Device, dev, 0o600), os.Truncate(target.Device, deviceSize)))
		first := int64(-1)
		_, err := WriteFrom(t.Context(), target, resuming{whole, test.says, &first})
		if (err == nil) != (test.bad == "") || err != nil && !strings.Contains(err.Error(), test.bad) || first != test.first {
			t.Errorf("%+v: began at %d, %v", test, first, err)
		}
	}
}
