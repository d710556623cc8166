package slotsig

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/golden"
)

// private returns one of the keys of these tests, by number.
func private(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "test key %d", n))
	return ed25519.NewKeyFromSeed(seed[:])
}

func keys(t testing.TB, threshold int, numbers ...int) Keys {
	t.Helper()
	var list []Key
	for _, n := range numbers {
		k, err := KeyOf(private(n).Public())
		must(t, err)
		list = append(list, k)
	}
	k, err := NewKeys(threshold, false, list...)
	must(t, err)
	return k
}

func sign(t testing.TB, manifest string, numbers ...int) []byte {
	t.Helper()
	var list []crypto.Signer
	for _, n := range numbers {
		list = append(list, private(n))
	}
	b, err := Sign([]byte(manifest), list...)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGolden freezes both formats: devices in the field read them.
func TestGolden(t *testing.T) {
	text, err := keys(t, 2, 1, 2, 3).Encode()
	must(t, err)
	golden.Check(t, "keys", string(text))
	golden.Check(t, "signatures", string(sign(t, "manifest", 2, 1)))
	if got := string(sign(t, "manifest")); got != string(Unsigned()) {
		t.Errorf("unsigned: %q", got)
	}
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		keys Keys
		sig  []byte
		want string
	}{
		"one":                   {keys(t, 1, 1), sign(t, "m", 1), ""},
		"one of two":            {keys(t, 1, 1, 2), sign(t, "m", 2), ""},
		"two of three":          {keys(t, 2, 1, 2, 3), sign(t, "m", 3, 1), ""},
		"old and new key":       {keys(t, 1, 1), sign(t, "m", 1, 9), ""},
		"threshold not met":     {keys(t, 2, 1, 2, 3), sign(t, "m", 2), "1 of 1 signatures are by known keys, and 2 must be"},
		"unknown keys only":     {keys(t, 1, 1), sign(t, "m", 2, 3), "0 of 2 signatures"},
		"unsigned":              {keys(t, 1, 1), Unsigned(), "0 of 0 signatures"},
		"another manifest":      {keys(t, 1, 1), sign(t, "n", 1), "does not match"},
		"one good, one not":     {keys(t, 1, 1, 2), mixed(t), "does not match"},
		"one key twice":         {keys(t, 2, 1, 2), twice(t), "signs twice"},
		"no file":               {keys(t, 1, 1), nil, "unexpected end"},
		"no list":               {keys(t, 1, 1), []byte("{\n  \"signatures\": null\n}\n"), "no list"},
		"signature of the text": {keys(t, 1, 1), undomained(t), "does not match"},
		"no keys":               {Keys{Format: KeysFormat, Threshold: 0}, sign(t, "m", 1), "0 keys"},
		"threshold of zero":     {Keys{Format: KeysFormat, Keys: keys(t, 1, 1).Keys}, Unsigned(), "threshold of 0"},
	} {
		err := c.keys.Verify([]byte("m"), c.sig)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// mixed has a good signature of key 1, and one of key 2 over another manifest.
func mixed(t *testing.T) []byte {
	f, err := Parse(sign(t, "m", 1, 2))
	must(t, err)
	other, err := Parse(sign(t, "n", 2))
	must(t, err)
	for i := range f.Signatures {
		if f.Signatures[i].KeyID == other.Signatures[0].KeyID {
			f.Signatures[i] = other.Signatures[0]
		}
	}
	b, err := encode(f)
	must(t, err)
	return b
}

func twice(t *testing.T) []byte {
	f, err := Parse(sign(t, "m", 1))
	must(t, err)
	f.Signatures = append(f.Signatures, f.Signatures[0])
	b, err := encode(f)
	must(t, err)
	return b
}

// undomained is a signature of the manifest alone, as another protocol may make it.
func undomained(t *testing.T) []byte {
	f, err := Parse(sign(t, "m", 1))
	must(t, err)
	copy(f.Signatures[0].Sig[:], ed25519.Sign(private(1), []byte("m")))
	b, err := encode(f)
	must(t, err)
	return b
}

// TestEveryBitCounts: no changed bit of manifest, signatures or keys is accepted.
func TestEveryBitCounts(t *testing.T) {
	manifest, sig := "the manifest", sign(t, "the manifest", 1, 2)
	known, err := keys(t, 2, 1, 2).Encode()
	must(t, err)
	for i := range len(manifest) * 8 {
		b := []byte(manifest)
		b[i/8] ^= 1 << (i % 8)
		if keys(t, 2, 1, 2).Verify(b, sig) == nil {
			t.Fatalf("bit %d of the manifest", i)
		}
	}
	for i := range len(sig) * 8 {
		b := bytes.Clone(sig)
		b[i/8] ^= 1 << (i % 8)
		if keys(t, 2, 1, 2).Verify([]byte(manifest), b) == nil {
			t.Fatalf("bit %d of the signatures", i)
		}
	}
	for i := range len(known) * 8 {
		b := bytes.Clone(known)
		b[i/8] ^= 1 << (i % 8)
		k, err := ParseKeys(b)
		if err == nil && k.Threshold >= 2 && k.Verify([]byte(manifest), sig) == nil {
			t.Fatalf("bit %d of the keys", i)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	one, two := keys(t, 1, 1, 2).Keys[0], keys(t, 1, 1, 2).Keys[1]
	for name, k := range map[string]Keys{
		"format": {Format: 2, Threshold: 1, Keys: []Key{one}}, "none": {Format: 1, Threshold: 1}, "threshold": {Format: 1, Threshold: 2, Keys: []Key{one}},
		"twice": {Format: 1, Threshold: 1, Keys: []Key{one, one}}, "order": {Format: 1, Threshold: 1, Keys: []Key{two, one}},
		"many": {Format: 1, Threshold: 1, Keys: make([]Key, MaxKeys+1)}, "negative": {Format: 1, Threshold: -1, Keys: []Key{one}},
	} {
		b, err := encode(k)
		must(t, err)
		if _, err := ParseKeys(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := k.Encode(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	good, err := keys(t, 1, 1).Encode()
	must(t, err)
	for name, text := range map[string]string{
		"spaces": strings.TrimSpace(string(good)), "field": strings.Replace(string(good), "{", "{\n  \"root\": 1,", 1), "long": string(good) + strings.Repeat(" ", MaxFile),
		"upper case": strings.Replace(string(good), fmt.Sprintf("%x", keys(t, 1, 1).Keys[0]), fmt.Sprintf("%X", keys(t, 1, 1).Keys[0]), 1),
	} {
		if _, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewKeys(2, false, one, one); err == nil {
		t.Error("a threshold of two with one key given twice")
	}
}

// liar says that it has another key than it signs with.
type liar struct{ ed25519.PrivateKey }

func (liar) Public() crypto.PublicKey { return private(2).Public() }

type broken struct{ ed25519.PrivateKey }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("agent refused")
}

type other struct{}

func (other) Public() crypto.PublicKey                                  { return "rsa" }
func (other) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }

func TestSignersThatFail(t *testing.T) {
	for want, s := range map[string]crypto.Signer{"does not match the key": liar{private(1)}, "agent refused": broken{private(1)}, "only ed25519": other{}} {
		if _, err := Sign([]byte("m"), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Sign([]byte("m"), private(1), private(1)); err == nil {
		t.Error("one key signed twice")
	}
}

// TestOpenSSL: another implementation of ed25519 accepts the signature.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	der, err := x509.MarshalPKIXPublicKey(private(1).Public())
	must(t, err)
	f, err := Parse(sign(t, "the manifest", 1))
	must(t, err)
	dir := t.TempDir()
	for name, b := range map[string][]byte{"key": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "sig": f.Signatures[0].Sig[:],
		"good": []byte("proa slot manifest 1\nthe manifest"), "bad": []byte("proa slot manifest 1\nthe Manifest")} {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	for name, want := range map[string]bool{"good": true, "bad": false} {
		c := exec.Command(program, "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", name, "-sigfile", "sig")
		c.Dir = dir
		if out, err := c.CombinedOutput(); (err == nil) != want {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if id := sha256.Sum256(private(1).Public().(ed25519.PublicKey)); hex.EncodeToString(id[:]) != f.Signatures[0].KeyID {
		t.Error("key id")
	}
}

// FuzzParse: no input makes a parser panic, and what is accepted is written again byte for byte.
func FuzzParse(f *testing.F) {
	text, err := keys(f, 2, 1, 2).Encode()
	must(f, err)
	f.Add(text)
	f.Add(sign(f, "m", 1, 2))
	f.Add(Unsigned())
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKeys(b); err == nil {
			if again, err := k.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q, %v", again, err)
			}
		}
		if s, err := Parse(b); err == nil {
			if again, err := encode(s); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q, %v", again, err)
			}
		}
	})
}
