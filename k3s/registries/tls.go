package registries

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// readTLS reads the files and ignores those that cannot be used: containerd would fail every pull for one of them, also
// from other mirrors. Ignoring one never trusts more. any: something is left.
func (f *reader) readTLS(where string, key, value *yaml.Node) (t TLS, any bool) {
	line := key.Line
	set := func(to *string) func(string, *yaml.Node, *yaml.Node) {
		return func(where string, _, v *yaml.Node) { *to = f.scalar(where, v).value }
	}
	f.walk(value, where, keys{
		"ca_file": set(&t.CAFile), "cert_file": set(&t.CertFile), "key_file": set(&t.KeyFile),
		"insecure_skip_verify": func(where string, _, v *yaml.Node) {
			if v.Decode(&t.Insecure) != nil || v.Style != 0 { // plain yes and no are booleans to K3s
				f.problem(v.Line, where, "want true or false")
				t.Insecure = false
			}
		},
	})
	if t.CAFile != "" {
		if err := usableCA(t.CAFile); err != nil {
			f.problem(line, where+".ca_file", "%v", err)
			t.CAFile = ""
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		if err := usablePair(t.CertFile, t.KeyFile); err != nil {
			f.problem(line, where+".cert_file", "%v", err)
			t.CertFile, t.KeyFile = "", ""
		}
	}
	return t, t != TLS{}
}

func usableCA(file string) error {
	if !filepath.IsAbs(file) {
		return errors.New("want an absolute path")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return errors.New("holds no certificate in PEM form")
	}
	return nil
}

// usablePair verifies a client certificate; without a key file the key is in the certificate's file.
func usablePair(cert, key string) error {
	if key == "" {
		key = cert
	}
	if !filepath.IsAbs(cert) || !filepath.IsAbs(key) {
		return errors.New("want an absolute path for it and for key_file")
	}
	_, err := tls.LoadX509KeyPair(cert, key)
	return err
}
