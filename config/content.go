package config

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// maxContent limits what a few compressed lines can become.
const maxContent = 64 << 20

// Bytes is the file's content with its encoding, one that cloud-init and k3OS know, undone. It fails for content that is not in that encoding.
func (f File) Bytes() ([]byte, error) {
	raw := []byte(f.Content)
	zipped := strings.HasPrefix(f.Encoding, "gz")
	if strings.HasSuffix(f.Encoding, "b64") || strings.HasSuffix(f.Encoding, "base64") {
		clean := strings.Join(strings.Fields(f.Content), "")
		var err error
		if raw, err = base64.StdEncoding.DecodeString(clean); err != nil {
			return nil, fmt.Errorf("content is not base64: %w", err)
		}
	}
	if !zipped {
		return raw, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("content is not gzip: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(zr, maxContent+1))
	if err == nil && len(out) > maxContent {
		err = fmt.Errorf("content unpacks to more than %d MiB", maxContent>>20)
	}
	return out, err
}
