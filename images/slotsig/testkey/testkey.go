// Package testkey has the one key that tests sign slots with. Everybody has its private half, so no image knows it.
package testkey

import (
	"crypto/ed25519"

	"github.com/proa-os/proa/images/slotsig"
)

func private(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), n))
}

// Sign signs a slot's manifest.
func Sign(manifest []byte) ([]byte, error) { return slotsig.Sign(manifest, private(1)) }

// Other signs it by another key, which Keys does not have.
func Other(manifest []byte) ([]byte, error) { return slotsig.Sign(manifest, private(2)) }

// Keys accepts what Sign signs.
func Keys() slotsig.Keys {
	k, err := slotsig.KeyOf(private(1).Public())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return slotsig.Keys{Format: slotsig.KeysFormat, Threshold: 1, Keys: []slotsig.Key{k}}
}
