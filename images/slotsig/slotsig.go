package slotsig

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Name is the file with the signatures, beside the manifest in slot file, payload and slot directory.
const Name = "manifest.sig"

// domain is signed in front of the manifest, so that a signature of anything else is none of a slot.
const domain = "proa slot manifest 1\n"

// File is the content of manifest.sig.
type File struct {
	Signatures []Signature `json:"signatures"` // in the order of the key ids, one for each key
}

// Signature is that of one key.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   Bytes  `json:"sig"`
}

// Bytes are those of an ed25519 signature: 128 hex digits in JSON.
type Bytes [ed25519.SignatureSize]byte

// MarshalText writes 128 hex digits.
func (b Bytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b[:]), nil }

// UnmarshalText reads them.
func (b *Bytes) UnmarshalText(text []byte) error { return unhex(b[:], text) }

// Unsigned returns a manifest.sig without signatures, which only systems without keys accept.
func Unsigned() []byte { return []byte("{\n  \"signatures\": []\n}\n") }

// Sign returns the manifest.sig of a manifest. A signer may be an ed25519.PrivateKey, or ask an agent.
func Sign(manifest []byte, signers ...crypto.Signer) ([]byte, error) {
	f := File{Signatures: []Signature{}}
	for _, s := range signers {
		sig, err := signOne(manifest, s)
		if err != nil {
			return nil, err
		}
		f.Signatures = append(f.Signatures, sig)
	}
	slices.SortFunc(f.Signatures, func(a, b Signature) int { return cmp.Compare(a.KeyID, b.KeyID) })
	if err := f.check(); err != nil {
		return nil, err
	}
	return encode(f)
}

// signOne verifies what it got: an agent may hold another key than it says.
func signOne(manifest []byte, s crypto.Signer) (sig Signature, err error) {
	key, err := KeyOf(s.Public())
	if err != nil {
		return sig, err
	}
	raw, err := s.Sign(nil, message(manifest), crypto.Hash(0)) // ed25519 needs no randomness
	if err != nil {
		return sig, fmt.Errorf("sign with key %s…: %w", key.ID()[:8], err)
	}
	if len(raw) != len(sig.Sig) || !ed25519.Verify(key[:], message(manifest), raw) {
		return sig, fmt.Errorf("sign with key %s…: the signature does not match the key", key.ID()[:8])
	}
	sig.KeyID = key.ID()
	copy(sig.Sig[:], raw)
	return sig, nil
}

func message(manifest []byte) []byte { return append([]byte(domain), manifest...) }

// Parse reads what Sign wrote and refuses everything else.
func Parse(b []byte) (f File, err error) {
	if err := parse(b, &f); err != nil {
		return File{}, fmt.Errorf("%s: %w", Name, err)
	}
	if f.Signatures == nil {
		return File{}, fmt.Errorf("%s: no list of signatures", Name)
	}
	if err := f.check(); err != nil {
		return File{}, fmt.Errorf("%s: %w", Name, err)
	}
	return f, nil
}

// Digest says whether a text is a sha256 as key ids, manifests and metadata have it: 64 hex digits in lower case.
func Digest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}

func (f File) check() error {
	if len(f.Signatures) > MaxKeys {
		return fmt.Errorf("%d signatures, at most %d", len(f.Signatures), MaxKeys)
	}
	for i, s := range f.Signatures {
		if !Digest(s.KeyID) {
			return fmt.Errorf("key id %q: want 64 hex digits", s.KeyID)
		}
		if i > 0 && f.Signatures[i-1].KeyID >= s.KeyID {
			return fmt.Errorf("key %s… signs twice, or not in order", s.KeyID[:8])
		}
	}
	return nil
}

// ErrRefused is wrapped by the error about a manifest that the keys have not signed.
var ErrRefused = errors.New("the slot is not signed by keys that this system knows")

// Verify checks whether enough keys have signed the manifest. A signature of a known key that does not match the
// manifest is refused also if others would be enough: somebody has changed one of the two.
func (k Keys) Verify(manifest, signatures []byte) error {
	f, err := Parse(signatures)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := k.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	good := 0
	for _, s := range f.Signatures {
		key, known := k.find(s.KeyID)
		if !known {
			continue
		}
		if !ed25519.Verify(key[:], message(manifest), s.Sig[:]) {
			return fmt.Errorf("%w: the signature of key %s… does not match: manifest or signature was changed", ErrRefused, s.KeyID[:8])
		}
		good++
	}
	if good < k.Threshold {
		return fmt.Errorf("%w: %d of %d signatures are by known keys, and %d must be", ErrRefused, good, len(f.Signatures), k.Threshold)
	}
	return nil
}

func (k Keys) find(id string) (Key, bool) {
	i := slices.IndexFunc(k.Keys, func(key Key) bool { return key.ID() == id })
	if i < 0 {
		return Key{}, false
	}
	return k.Keys[i], true
}

// Equal says whether two sets accept the same slots.
func (k Keys) Equal(o Keys) bool {
	a, errA := k.Encode()
	b, errB := o.Encode()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
