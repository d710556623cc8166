package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/k3s/pki/cert"
)

var (
	built = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
)

func identity(t *testing.T) Server {
	node := Node{DataDir: t.TempDir(), NodeName: "n1", NodeIP: "10.0.2.15", Built: built}
	return Server{Node: node, Domain: "cluster.local", Service: "10.43.0.1", SANs: []string{"edge.example"}}
}

func ensure(t *testing.T, id Server, now time.Time) []string {
	t.Helper()
	renewed, err := id.Ensure(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return renewed
}

func TestRenewal(t *testing.T) {
	id := identity(t)
	if got, want := len(ensure(t, id, start)), len(id.leaves()); got != want {
		t.Fatalf("first start wrote %d leaves, want %d", got, want)
	}
	day := 24 * time.Hour
	if got := ensure(t, id, start.Add(274*day)); got != nil {
		t.Errorf("renewed with 91 days left: %v", got)
	}
	if got, want := len(ensure(t, id, start.Add(276*day))), len(id.leaves()); got != want {
		t.Errorf("renewed %d with 89 days left, want %d", got, want)
	}
}

func TestRenewedWhenTheNodeMoves(t *testing.T) {
	id := identity(t)
	ensure(t, id, start)
	id.NodeIP = "10.0.2.16"
	want := []string{"serving-kube-apiserver", "serving-kubelet"}
	if diff := cmp.Diff(want, ensure(t, id, start)); diff != "" {
		t.Error(diff)
	}
}

func TestTornPairIsReplaced(t *testing.T) {
	id := identity(t)
	ensure(t, id, start)
	base := filepath.Join(id.DataDir, "server/tls/client-admin")
	other, err := os.ReadFile(filepath.Join(id.DataDir, "server/tls/client-scheduler.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(base+".key", other, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"client-admin"}, ensure(t, id, start)); diff != "" {
		t.Error(diff)
	}
}

func TestVerifies(t *testing.T) {
	id := identity(t)
	ensure(t, id, start)
	ca, _, err := cert.Load(filepath.Join(id.DataDir, "server/tls/server-ca"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for file, host := range map[string]string{
		"server/tls/serving-kube-apiserver": "edge.example",
		"agent/serving-kubelet":             "10.0.2.15",
	} {
		leaf, _, err := cert.Load(filepath.Join(id.DataDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: start}); err != nil {
			t.Errorf("%s for %s: %v", file, host, err)
		}
	}
}

func TestKeysArePrivate(t *testing.T) {
	id := identity(t)
	ensure(t, id, start)
	err := filepath.Walk(id.DataDir, func(path string, info os.FileInfo, err error) error {
		if err == nil && filepath.Ext(path) == ".key" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
