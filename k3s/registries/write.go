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

// Write writes the hosts.toml files below certs.d (0600: addresses may be confidential), and removes those written
// before that are no longer needed. A file that was not written by k3s takes precedence. It returns the entries that
// were ignored.
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

// tidy removes our files that are no longer needed, and reports the user's files that cannot be read: containerd would
// log that only at a pull.
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
			_ = os.Remove(filepath.Dir(file)) // fails if certificates are in it
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

// foreign says whether a file exists that k3s did not write.
func foreign(file string) bool {
	data, err := os.ReadFile(file)
	return err == nil && !strings.HasPrefix(string(data), header)
}

// TOML returns the part of containerd's configuration with the credentials; it follows
// [plugins.'io.containerd.cri.v1.images'.registry].
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

// quote returns a TOML basic string: not all of Go's escapes are valid there.
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
