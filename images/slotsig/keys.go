// Package slotsig signs the manifests of slots and verifies them: manifest.sig has ed25519 signatures, keys.json the
// public keys that a system accepts and how many of them must have signed.
//
// It refuses files that it would not have written byte for byte, fewer signatures than the threshold, and a signature
// of a known key that does not match. Signatures of unknown keys do not count: a slot that is signed with old and new
// keys is accepted by systems that know either. It finds no keys: who loads keys.json decides which ones count.
package slotsig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

const (
	// KeysName is the file with the public keys.
	KeysName = "keys.json"
	// EarlyPath is where the initramfs has it, RootPath where the root image does. An image without it is unsigned.
	EarlyPath = "/etc/proa/" + KeysName
	RootPath  = TrustDir + "/" + KeysName
	// TrustDir of the root image also has TUF's first root.
	TrustDir = "/usr/share/proa/trust"
	// KeysFormat is the version of its format.
	KeysFormat = 1
	// MaxKeys limits keys and signatures, so that no file makes a machine verify for minutes.
	MaxKeys = 32
	// MaxFile limits keys.json and manifest.sig, in bytes.
	MaxFile = 16 << 10
)

// Key is an ed25519 public key.
type Key [ed25519.PublicKeySize]byte

// KeyOf returns a public key of this type. It refuses keys that are not ed25519.
func KeyOf(public any) (k Key, err error) {
	raw, ok := public.(ed25519.PublicKey)
	if !ok || len(raw) != len(k) {
		return k, fmt.Errorf("a key of type %T: only ed25519 keys sign slots", public)
	}
	copy(k[:], raw)
	return k, nil
}

// ID names the key: the SHA-256 of its bytes, 64 hex digits.
func (k Key) ID() string {
	sum := sha256.Sum256(k[:])
	return hex.EncodeToString(sum[:])
}

// MarshalText writes 64 hex digits.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads them.
func (k *Key) UnmarshalText(text []byte) error { return unhex(k[:], text) }

func unhex(to, text []byte) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%d characters, want %d hex digits", len(text), hex.EncodedLen(len(to)))
	}
	_, err := hex.Decode(to, text)
	return err
}

// Keys are the public keys of slots.
type Keys struct {
	Format int `json:"format"`
	// Development marks keys that were made for trying proa: their private halves lie unprotected on a developer's disk.
	Development bool  `json:"development,omitempty"`
	Threshold   int   `json:"threshold"` // how many different keys must have signed, at least 1
	Keys        []Key `json:"keys"`      // in the order of their bytes
}

// NewKeys returns a set of keys in their order.
func NewKeys(threshold int, development bool, keys ...Key) (Keys, error) {
	k := Keys{Format: KeysFormat, Development: development, Threshold: threshold, Keys: slices.Clone(keys)}
	slices.SortFunc(k.Keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	return k, k.check()
}

// Encode returns the content of keys.json.
func (k Keys) Encode() ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	return encode(k)
}

// ParseKeys reads what Encode wrote and refuses everything else.
func ParseKeys(b []byte) (k Keys, err error) {
	if err := parse(b, &k); err != nil {
		return Keys{}, fmt.Errorf("%s: %w", KeysName, err)
	}
	if err := k.check(); err != nil {
		return Keys{}, fmt.Errorf("%s: %w", KeysName, err)
	}
	return k, nil
}

func (k Keys) check() error {
	switch {
	case k.Format != KeysFormat:
		return fmt.Errorf("format %d, this proa reads format %d", k.Format, KeysFormat)
	case len(k.Keys) == 0 || len(k.Keys) > MaxKeys:
		return fmt.Errorf("%d keys, want 1 to %d", len(k.Keys), MaxKeys)
	case k.Threshold < 1 || k.Threshold > len(k.Keys):
		return fmt.Errorf("a threshold of %d with %d keys", k.Threshold, len(k.Keys))
	}
	for i := range k.Keys[1:] {
		if bytes.Compare(k.Keys[i][:], k.Keys[i+1][:]) >= 0 {
			return fmt.Errorf("key %s… is listed twice, or not in order", k.Keys[i+1].ID()[:8])
		}
	}
	return nil
}

func encode(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// parse reads JSON exactly as encode writes it: one value has one text.
func parse[T any](b []byte, v *T) error {
	if len(b) > MaxFile {
		return fmt.Errorf("%d bytes, at most %d", len(b), MaxFile)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return err
	}
	again, err := encode(*v)
	if err != nil || !bytes.Equal(again, b) {
		return errors.Join(errors.New("unknown fields, or not formatted as proa writes it; this proa cannot read it"), err)
	}
	return nil
}
