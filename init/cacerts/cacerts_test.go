package cacerts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/sys"
)

// authority returns a certificate authority in PEM.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// TestBundle: Go's reader finds the image's certificates and the user's of the last configuration, and no others.
func TestBundle(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, Bundle)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	image, one, two := authority(t), authority(t), authority(t)
	if err := os.WriteFile(file, []byte(image+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, certs := range [][]string{nil, {one}, {one, two + "\n" + one}, {two}, nil} {
		f := &sys.Fake{}
		if err := Write(f, root, certs); err != nil {
			t.Fatal(err)
		}
		if text, wrote := f.Files[Bundle]; wrote {
			os.WriteFile(file, []byte(text), 0o644)
		}
		got, _ := os.ReadFile(file)
		want := x509.NewCertPool()
		want.AppendCertsFromPEM([]byte(image))
		for _, c := range certs {
			want.AppendCertsFromPEM([]byte(c))
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(got) || !pool.Equal(want) {
			t.Errorf("%d certificates: %s", len(certs), got)
		}
	}
	if err := Write(&sys.Fake{}, t.TempDir(), []string{one}); err == nil {
		t.Error("an image without certificates was taken for one with them")
	}
}
