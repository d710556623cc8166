package kubeconfig

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// current writes a kubeconfig and returns the client configuration made from it.
func current(t *testing.T, write func(path, server, authority, base string) error) (api.Cluster, api.AuthInfo, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"ca.crt": "CA", "me.crt": "CERT", "me.key": "KEY"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "new", "kubeconfig")
	if err := write(path, "https://a:6443", filepath.Join(dir, "ca.crt"), filepath.Join(dir, "me")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of a file with a key: %v %v", info, err)
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Contexts[config.CurrentContext]
	return *config.Clusters[c.Cluster], *config.AuthInfos[c.AuthInfo], dir
}

func portable(path, server, authority, base string) error {
	return Portable(path, 0o600, server, authority, base)
}

// TestModeChanges: another mode takes effect although the content is the same.
func TestModeChanges(t *testing.T) {
	_, _, dir := current(t, portable)
	path := filepath.Join(dir, "new", "kubeconfig")
	if err := Portable(path, 0o644, "https://a:6443", filepath.Join(dir, "ca.crt"), filepath.Join(dir, "me")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info, err)
	}
}

func TestFileNamesCertificates(t *testing.T) {
	cluster, user, dir := current(t, File)
	if cluster.Server != "https://a:6443" || cluster.CertificateAuthority != filepath.Join(dir, "ca.crt") ||
		user.ClientCertificate != filepath.Join(dir, "me.crt") || user.ClientKey != filepath.Join(dir, "me.key") || user.ClientKeyData != nil {
		t.Errorf("%+v %+v", cluster, user)
	}
}

func TestPortableCarriesCertificates(t *testing.T) {
	cluster, user, _ := current(t, portable)
	if string(cluster.CertificateAuthorityData) != "CA" || string(user.ClientCertificateData) != "CERT" ||
		string(user.ClientKeyData) != "KEY" || cluster.CertificateAuthority != "" || user.ClientKey != "" {
		t.Errorf("%+v %+v", cluster, user)
	}
}

func TestPortableNeedsTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := Portable(path, 0o600, "https://a:6443", "/nonexistent", "/nonexistent"); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("half a file was written")
	}
}
