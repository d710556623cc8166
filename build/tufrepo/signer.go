package tufrepo

import (
	"crypto"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
)

// signer adapts a key to go-tuf.
type signer struct{ key crypto.Signer }

func (s signer) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return s.key.Public(), nil
}

func (s signer) SignMessage(message io.Reader, _ ...signature.SignOption) ([]byte, error) {
	b, err := io.ReadAll(message)
	if err != nil {
		return nil, err
	}
	return s.key.Sign(nil, b, crypto.Hash(0)) // ed25519 needs no randomness
}
