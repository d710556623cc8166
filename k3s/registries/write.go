package registries

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/proa-os/proa/images/atomicfile"
)

// Write makes the hosts.toml files below certs.d (0600: addresses may be nobody's business), and removes those made before that are not
// wanted any more. A file somebody else put there wins. It returns what is left out.
func (r Registries) Write(dir string) (problems []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Hosts)) {
		file := filepath.Join(dir, name, "hosts.toml")
		if foreign(file) {
			problems = append(problems, fmt.Sprintf("%s was not written by k3s and takes precedence; the entry of registries.yaml for this registry is ignored", file))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return problems, err
		}
		if _, err := atomicfile.WriteIfChanged(file, []byte(r.Hosts[name]), 0o600); err != nil {
			return problems, err
		}
	}
	return problems, r.tidy(dir, &problems)
}

// tidy removes ours that nothing names any more, and says which of the user's cannot be read: containerd would log it, at a pull.
func (r Registries) tidy(dir string, problems *[]string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := filepath.Join(dir, e.Name(), "hosts.toml")
		data, err := os.ReadFile(file)
		switch _, wanted := r.Hosts[e.Name()]; {
		case errors.Is(err, fs.ErrNotExist) || !e.IsDir():
		case err == nil && !wanted && strings.HasPrefix(string(data), header):
			if err := os.Remove(file); err != nil {
				return err
			}
			_ = os.Remove(filepath.Dir(file)) // with certificates beside it, it stays
		case err == nil:
			if toml.Unmarshal(data, new(map[string]any)) != nil {
				*problems = append(*problems, fmt.Sprintf("%s: not valid TOML; left out", file))
			}
		default:
			*problems = append(*problems, fmt.Sprintf("%v; left out", err))
		}
	}
	return nil
}

// foreign reports whether a file is there that we did not make.
func foreign(file string) bool {
	data, err := os.ReadFile(file)
	return err == nil && !strings.HasPrefix(string(data), header)
}

// TOML is the part of containerd's configuration with the credentials; it follows [plugins.'io.containerd.cri.v1.images'.registry].
func (r Registries) TOML() string {
	var b strings.Builder
	for _, host := range slices.Sorted(maps.Keys(r.Auths)) {
		fmt.Fprintf(&b, "  [plugins.'io.containerd.cri.v1.images'.registry.configs.%s.auth]\n", quote(host))
		a := r.Auths[host]
		for _, kv := range []struct{ key, value string }{
			{"username", a.Username}, {"password", a.Password}, {"auth", a.Auth}, {"identitytoken", a.IdentityToken},
		} {
			if kv.value != "" {
				fmt.Fprintf(&b, "    %s = %s\n", kv.key, quote(kv.value))
			}
		}
	}
	return b.String()
}

// quote makes a basic string of TOML: Go's escapes are not all TOML's.
func quote(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}
