package payload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Verify assembles every file as a device does, for both slots, and compares them with the manifest.
func Verify(ctx context.Context, o Options) error {
	a, err := NewAssembler(o)
	if err != nil {
		return err
	}
	b := make([]byte, MaxPiece)
	for _, f := range a.m.Files {
		h := sha256.New()
		for at := int64(0); at < f.Size; {
			part := b[:min(int64(len(b)), f.Size-at)]
			if err := a.ReadRange(ctx, f, at, part); err != nil {
				return err
			}
			h.Write(part)
			at += int64(len(part))
		}
		if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
			return fmt.Errorf("%s has sha256 %s, the manifest says %s", f.Name, sum, f.SHA256)
		}
		if err := a.enter(f); err != nil { // an empty file was not read
			return err
		}
	}
	return a.End(ctx)
}
