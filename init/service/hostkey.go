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

// hostKey is the key by which clients know this machine. SSH is the way in to a machine whose disk is full or worn, so the server reads
// a copy in memory: a key that cannot be kept lasts until the next boot, and the console says so.
type hostKey struct {
	kept     string // on data
	used     string // in memory
	generate func(ctx context.Context, file string) error
	say      func(format string, args ...any)
}

// prepare puts a key at used: the kept one, or a new one where there is none or what is there is no key. A key that cannot be read is left
// alone: it may be readable tomorrow.
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
		h.say("ssh: host key %s is damaged (%d bytes): making a new one, clients will ask about it", h.kept, len(key))
	case !keep:
		h.say("ssh: host key: %v; until the next boot another one is used", err)
	}
	if key, err = h.fresh(ctx); err != nil || !keep {
		return err
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(h.kept), 0o700), atomicfile.Write(h.kept, key, 0o600)); err != nil {
		h.say("ssh: host key cannot be kept, the next boot makes another one: %v", err)
	}
	return nil
}

// fresh is the key at used, which an earlier start of the server may have left there; else a new one.
func (h hostKey) fresh(ctx context.Context) ([]byte, error) {
	if key, err := os.ReadFile(h.used); err == nil && wholeKey(key) {
		return key, nil
	}
	if err := os.Remove(h.used); err != nil && !errors.Is(err, fs.ErrNotExist) { // dropbearkey replaces nothing
		return nil, err
	}
	if err := h.generate(ctx, h.used); err != nil {
		return nil, err
	}
	return os.ReadFile(h.used)
}

// wholeKey says whether a file is an ed25519 key as dropbear keeps it (dropbear's signkey.c, ed25519.c): two strings with their lengths
// before them, the type and the private and the public half.
func wholeKey(key []byte) bool {
	const kind, halves = "ssh-ed25519", 64
	head := binary.BigEndian.AppendUint32(append(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), kind...), halves)
	body, ok := bytes.CutPrefix(key, head)
	return ok && len(body) == halves && !bytes.Equal(body, make([]byte, halves))
}
