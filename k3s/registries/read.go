package registries

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// reader walks a document with tables of the known keys.
type reader struct {
	path     string
	mirrors  map[string]mirror
	tls      map[string]TLS
	auths    map[string]Auth
	problems []string
}

// keys maps each key of a mapping to its handler; "" matches any.
type keys map[string]func(where string, key, value *yaml.Node)

func (f *reader) problem(line int, where, format string, args ...any) {
	if where != "" {
		where += ": "
	}
	f.problems = append(f.problems, fmt.Sprintf("%s:%d: %s%s; left out", f.path, line, where, fmt.Sprintf(format, args...)))
}

// walk calls the handler of each key of a mapping. null is an empty mapping.
func (f *reader) walk(n *yaml.Node, where string, known keys) {
	if n = resolved(n); n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		f.problem(n.Line, where, "want key: value pairs")
		return
	}
	seen := map[string]bool{}
	content := yamlnode.Merged(n, merges)
	for i := 0; i+1 < len(content); i += 2 {
		key, value := content[i], resolved(content[i+1])
		do, ok := known[key.Value]
		if !ok {
			do, ok = known[""]
		}
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			f.problem(key.Line, where, "unknown key, want one of %s", known.names())
		case seen[key.Value]:
			f.problem(key.Line, where, "duplicate key")
		default:
			seen[key.Value] = true
			do(strings.TrimPrefix(where+"."+key.Value, "."), key, value)
		}
	}
}

func (k keys) names() string {
	var names []string
	for _, name := range []string{"mirrors", "configs", "auths", "endpoint", "rewrite", "auth", "tls", "username", "password", "identity_token",
		"ca_file", "cert_file", "key_file", "insecure_skip_verify"} {
		if _, ok := k[name]; ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// merges returns the mapping that a << names, up to eight levels deep.
func merges(value *yaml.Node, depth int) []*yaml.Node {
	if m := resolved(value); m.Kind == yaml.MappingNode && depth < 8 {
		return []*yaml.Node{m}
	}
	return nil
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// top returns the keys of the whole file.
func (f *reader) top() keys {
	return keys{
		"mirrors": func(where string, _, v *yaml.Node) { f.walk(v, where, keys{"": f.mirror}) },
		"configs": func(where string, _, v *yaml.Node) { f.walk(v, where, keys{"": f.config}) },
		"auths":   func(where string, _, v *yaml.Node) { f.walk(v, where, keys{"": f.auth}) }, // older form of configs.HOST.auth
	}
}

func (f *reader) mirror(where string, key, value *yaml.Node) {
	host, ok := f.host(where, key)
	if !ok {
		return
	}
	if _, twice := f.mirrors[host]; twice {
		f.problem(key.Line, where, "another spelling of a registry that stands above")
		return
	}
	var m mirror
	f.walk(value, where, keys{
		"endpoint": func(where string, _, v *yaml.Node) { m.endpoints = f.list(where, v) },
		"rewrite": func(where string, _, v *yaml.Node) {
			f.walk(v, where, keys{"": func(where string, k, v *yaml.Node) {
				m.rewrites = append(m.rewrites, text{k.Value, k.Line}, f.scalar(where, v))
			}})
		},
	})
	f.mirrors[host] = m
}

func (f *reader) config(where string, key, value *yaml.Node) {
	host, ok := f.host(where, key)
	if !ok {
		return
	}
	f.walk(value, where, keys{
		"auth": func(where string, _, v *yaml.Node) { f.auth(where, key, v) },
		"tls": func(where string, k, v *yaml.Node) {
			if t, any := f.readTLS(where, k, v); any {
				f.tls[host] = t
			}
		},
	})
}

// auth reads one set of credentials. CRI has credentials by host only, so those of "*" would never be used.
func (f *reader) auth(where string, key, value *yaml.Node) {
	host, ok := f.host(where, key)
	if !ok {
		return
	}
	if host == "*" {
		f.problem(key.Line, where, "credentials need the name of their registry")
		return
	}
	var a Auth
	set := func(to *string) func(string, *yaml.Node, *yaml.Node) {
		return func(where string, _, v *yaml.Node) { *to = f.scalar(where, v).value }
	}
	f.walk(value, where, keys{"username": set(&a.Username), "password": set(&a.Password), "auth": set(&a.Auth), "identity_token": set(&a.IdentityToken)})
	if a.Auth != "" {
		plain, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil || !strings.Contains(string(plain), ":") {
			f.problem(key.Line, where, "auth is not the base64 of USER:PASSWORD")
			return
		}
	}
	if a != (Auth{}) {
		f.auths[host] = a
	}
}

// hub are other names of Docker Hub, whose images are asked for by docker.io.
var hub = []string{"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"}

// host parses the name of a registry, "*" for all others. Users sometimes write an address; its scheme is ignored.
func (f *reader) host(where string, key *yaml.Node) (string, bool) {
	host := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(key.Value, "https://"), "http://"))
	for _, end := range []string{"/", "/v1", "/v2"} {
		host = strings.TrimSuffix(host, end)
	}
	if slices.Contains(hub, host) {
		host = "docker.io"
	}
	if host == "" || host == ".." || host == "." || strings.ContainsAny(host, "/@ \t\n\"\\") || strings.Contains(host, "*") && host != "*" {
		f.problem(key.Line, where[:max(0, strings.LastIndex(where, key.Value)-1)], "want the name of a registry, such as docker.io or registry.example.org:5000, or * for all others")
		return "", false
	}
	return host, true
}

// scalar returns a scalar value; anything else is reported and empty.
func (f *reader) scalar(where string, n *yaml.Node) text {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		f.problem(n.Line, where, "want a string")
		return text{line: n.Line}
	}
	return text{strings.Trim(n.Value, "\r\n\uFEFF"), n.Line} // what a block scalar leaves
}

func (f *reader) list(where string, n *yaml.Node) (all []text) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		if t := f.scalar(where, item); t.value != "" {
			all = append(all, t)
		}
	}
	return all
}
