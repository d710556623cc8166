package slotfile

import (
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Entry is one file of the archive; reading it to the end verifies its checksum.
type Entry struct {
	File
	r    io.Reader
	sum  hash.Hash
	left int64
}

func (e *Entry) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, e.checked()
	}
	n, err := e.r.Read(b[:min(int64(len(b)), e.left)])
	e.sum.Write(b[:n])
	if e.left -= int64(n); e.left == 0 {
		return n, nil // the underlying reader will return its error again
	}
	if err != nil {
		return n, fmt.Errorf("slot file: %s: %w", e.Name, truncated(err))
	}
	return n, nil
}

func (e *Entry) checked() error {
	if have := hex.EncodeToString(e.sum.Sum(nil)); have != e.SHA256 {
		return fmt.Errorf("slot file: %s: checksum mismatch: sha256 is %s…, the manifest says %s…; the slot file is damaged, copy it again", e.Name, have[:12], e.SHA256[:12])
	}
	return io.EOF
}
