package cert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
)

// NewKey generates a key for a certificate: ECDSA with the curve P-256.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// EncodeKey returns the content of a key file.
func EncodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

// Sign returns the content of a certificate file: the certificate, and its signer's unless it is self-signed.
func Sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) ([]byte, error) {
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

// Write writes a new key with its certificate. The key is written first: a torn pair is then a key alone, or a key that
// Load finds not to match the old certificate.
func Write(to Disk, base string, key *ecdsa.PrivateKey, chain []byte) error {
	text, err := EncodeKey(key)
	if err != nil {
		return err
	}
	if err := to.Write(base+".key", text, 0o600); err != nil {
		return err
	}
	return to.Write(base+".crt", chain, 0o644)
}

// Load reads a pair and verifies that key and certificate match.
func Load(base string) (*x509.Certificate, crypto.Signer, error) {
	cert, err := LoadCertificate(base + ".crt")
	if err != nil {
		return nil, nil, err
	}
	key, err := LoadKey(base + ".key")
	if err != nil {
		return nil, nil, err
	}
	if !Belongs(key, cert) {
		return nil, nil, fmt.Errorf("%s.key does not belong to %[1]s.crt", base)
	}
	return cert, key, nil
}

// Belongs says whether the certificate is for that key.
func Belongs(key crypto.Signer, cert *x509.Certificate) bool {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	return err == nil && bytes.Equal(public, cert.RawSubjectPublicKeyInfo)
}

// LoadCertificate reads the first certificate of a file.
func LoadCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cert, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cert, nil
}

// Parse returns the first certificate of a file's content.
func Parse(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("not PEM (%d bytes)", len(data))
	}
	return x509.ParseCertificate(block.Bytes)
}

// LoadKey reads the first private key of a file: `openssl ecparam` writes the curve's name before it.
func LoadKey(path string) (crypto.Signer, error) {
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
