package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/atomicfile"
)

// disk is where files are written: the data partition, or a recorder in tests of power cuts.
type disk interface {
	write(path string, data []byte, perm fs.FileMode) error
	remove(path string) error
}

// durable writes to disk: a file is durable when the call returns.
type durable struct{}

func (durable) write(path string, data []byte, perm fs.FileMode) error {
	_, err := atomicfile.WriteIfChanged(path, data, perm)
	return err
}

func (durable) remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// makeDir creates a directory durably.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

// sign returns the content of a certificate file: the certificate, and its signer's unless it is self-signed.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if template != parent {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: parent.Raw})...)
	}
	return chain, nil
}

// writePair writes a new key with its certificate. The key is written first: a torn pair is then a key alone, or a key
// that load finds not to match the old certificate.
func writePair(to disk, base string, template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) error {
	chain, err := sign(template, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("sign %s: %w", base, err)
	}
	text, err := encodeKey(key)
	if err != nil {
		return err
	}
	if err := to.write(base+".key", text, 0o600); err != nil {
		return err
	}
	return to.write(base+".crt", chain, 0o644)
}

// load reads a pair and verifies that key and certificate match.
func load(base string) (*x509.Certificate, crypto.Signer, error) {
	cert, err := loadCertificate(base + ".crt")
	if err != nil {
		return nil, nil, err
	}
	key, err := loadKey(base + ".key")
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(public, cert.RawSubjectPublicKeyInfo) {
		return nil, nil, fmt.Errorf("%s.key does not belong to %[1]s.crt", base)
	}
	return cert, key, nil
}

func loadCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM (%d bytes)", path, len(data))
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cert, nil
}

// loadKey reads the first private key of a file: `openssl ecparam` writes the curve's name before it.
func loadKey(path string) (crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s: no private key in PEM (%d bytes)", path, len(data))
		}
		if block.Type == "EC PARAMETERS" || block.Type == "CERTIFICATE" {
			continue
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return key, nil
	}
}

// parseKey accepts the key types of authorities that users bring, besides our own EC keys.
func parseKey(block *pem.Block) (crypto.Signer, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T cannot sign", key)
	}
	return signer, nil
}

// exists says whether a path exists; if that cannot be determined it returns an error.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
