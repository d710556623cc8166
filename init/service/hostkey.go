package service

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/atomicfile"
)

// hostKey is the SSH host key. SSH must work on a machine whose disk is full or worn, so the server reads a copy in
// memory: a key that cannot be saved is used until the next boot, and the console says so.
type hostKey struct {
	kept     string // path on the data partition
	used     string // path in memory
	generate func(ctx context.Context, file string) error
	say      func(format string, args ...any)
}

// prepare writes a key to used: the saved one, or a new one if that is missing or damaged. A key that cannot be read is
// not overwritten, since it may be readable later.
func (h hostKey) prepare(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(h.used), 0o700); err != nil {
		return err
	}
	key, err := os.ReadFile(h.kept)
	keep := err == nil || errors.Is(err, fs.ErrNotExist)
	switch {
	case wholeKey(key):
		_, err := atomicfile.WriteIfChanged(h.used, key, 0o600)
		return err
	case err == nil:
		h.say("ssh: host key %s is damaged (%d bytes); generating a new one: SSH clients will warn of a changed host key", h.kept, len(key))
	case !keep:
		h.say("ssh: host key: %v; using a temporary one until the next boot", err)
	}
	if key, err = h.fresh(ctx); err != nil || !keep {
		return err
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(h.kept), 0o700), atomicfile.Write(h.kept, key, 0o600)); err != nil {
		h.say("ssh: host key cannot be saved, the next boot generates another one: %v", err)
	}
	return nil
}

// fresh returns the key at used, which an earlier start of the server may have left, or generates one.
func (h hostKey) fresh(ctx context.Context) ([]byte, error) {
	if key, err := os.ReadFile(h.used); err == nil && wholeKey(key) {
		return key, nil
	}
	if err := os.Remove(h.used); err != nil && !errors.Is(err, fs.ErrNotExist) { // dropbearkey does not overwrite
		return nil, err
	}
	if err := h.generate(ctx, h.used); err != nil {
		return nil, err
	}
	return os.ReadFile(h.used)
}

// wholeKey says whether a file is a complete ed25519 key in dropbear's format (dropbear's signkey.c, ed25519.c): two
// length-prefixed strings, the type, and the private and public half.
func wholeKey(key []byte) bool {
	const kind, halves = "ssh-ed25519", 64
	head := binary.BigEndian.AppendUint32(append(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), kind...), halves)
	body, ok := bytes.CutPrefix(key, head)
	return ok && len(body) == halves && !bytes.Equal(body, make([]byte, halves))
}
