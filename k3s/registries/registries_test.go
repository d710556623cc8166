package registries

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/pelletier/go-toml/v2"
)

// serve is a registry with one image under each name.
func serve(t *testing.T, names ...string) http.Handler {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	raw, err := empty.Image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	layout, err := empty.Image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		n, tag, _ := strings.Cut(n, ":")
		push(t, h, http.MethodPost, "/v2/"+n+"/blobs/uploads/?digest="+fmt.Sprintf("sha256:%x", sha256.Sum256(layout)), "application/octet-stream", layout)
		push(t, h, http.MethodPut, "/v2/"+n+"/manifests/"+tag, string(types.DockerManifestSchema2), raw)
	}
	return h
}

func push(t *testing.T, h http.Handler, method, path, kind string, body []byte) {
	t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusCreated {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

func plain(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// secure returns the address of a registry with TLS and the file of its authority.
func secure(t *testing.T, h http.Handler) (address, ca string) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.URL, "https://"), ca
}

// locked requires user and password.
func locked(h http.Handler, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// load writes the file and translates it for containerd.
func load(t *testing.T, text string) (r Registries, certs string) {
	t.Helper()
	file, certs := filepath.Join(t.TempDir(), "registries.yaml"), t.TempDir()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r = Load(file)
	problems, err := r.Write(certs)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return r, certs
}

// resolve resolves an image as containerd's CRI does: with its parser of hosts.toml, its resolver, and credentials by
// host.
func resolve(t *testing.T, certs string, r Registries, image string) error {
	t.Helper()
	var parsed struct {
		Plugins map[string]struct {
			Registry struct {
				Configs map[string]struct {
					Auth struct{ Username, Password, Auth, IdentityToken string }
				}
			}
		}
	}
	if err := toml.Unmarshal([]byte(r.TOML()), &parsed); err != nil {
		t.Fatal(err)
	}
	auths := parsed.Plugins["io.containerd.cri.v1.images"].Registry.Configs
	_, _, err := docker.NewResolver(docker.ResolverOptions{Hosts: config.ConfigureHosts(context.Background(), config.HostOptions{
		HostDir: config.HostDirFromRoot(certs),
		Credentials: func(host string) (string, string, error) {
			return auths[host].Auth.Username, auths[host].Auth.Password, nil
		},
	})}).Resolve(context.Background(), image)
	return err
}

// TestContainerdFindsImages: containerd itself reads the files, and fetches the image from a real registry.
func TestContainerdFindsImages(t *testing.T) {
	hub := serve(t, "library/box:1", "app:1")
	mirror := plain(t, hub)
	tlsMirror, ca := secure(t, hub)
	prefixed := plain(t, serve(t, "proxy/hub/library/box:1"))
	private := plain(t, locked(hub, "me", `p"a\s`+"\u00fc"))
	empty := plain(t, serve(t))
	for _, c := range []struct{ why, text, image, fails string }{
		{"a mirror without TLS", "mirrors: {registry.example.org: {endpoint: ['http://%[1]s']}}", "registry.example.org/app:1", ""},
		{"Docker Hub", "mirrors: {docker.io: {endpoint: ['http://%[1]s']}}", "docker.io/library/box:1", ""},
		{"this machine on a port is http", "mirrors: {r.example.org: {endpoint: ['%[1]s']}}", "r.example.org/app:1", ""},
		{"the next when one is down", "mirrors: {r.example.org: {endpoint: ['http://127.0.0.1:1', 'http://%[1]s']}}", "r.example.org/app:1", ""},
		{"the next when one has it not", "mirrors: {r.example.org: {endpoint: ['http://%[5]s', 'http://%[1]s/v2']}}", "r.example.org/app:1", ""},
		{"the registry itself is last", "mirrors: {'%[1]s': {endpoint: ['http://%[5]s']}}\nconfigs: {'%[1]s': {tls: {insecure_skip_verify: true}}}", "%[1]s/app:1", ""},
		{"all others", "mirrors: {'*': {endpoint: ['http://%[1]s']}}", "any.example.org/app:1", ""},
		{"TLS by an authority", "mirrors: {r.example.org: {endpoint: ['https://%[2]s']}}\nconfigs: {'%[2]s': {tls: {ca_file: %[3]s}}}", "r.example.org/app:1", ""},
		{"TLS of the registry itself", "configs: {'%[2]s': {tls: {ca_file: %[3]s}}}", "%[2]s/app:1", ""},
		{"TLS that nobody vouches for", "mirrors: {r.example.org: {endpoint: ['https://%[2]s']}}", "r.example.org/app:1", "certificate"},
		{"TLS that need not be vouched for", "mirrors: {r.example.org: {endpoint: ['https://%[2]s']}}\nconfigs: {'%[2]s': {tls: {insecure_skip_verify: true}}}", "r.example.org/app:1", ""},
		{"a prefix", "mirrors: {docker.io: {endpoint: ['http://%[4]s'], rewrite: {'^(.*)$': 'proxy/hub/$1'}}}", "docker.io/library/box:1", ""},
		{"a path", "mirrors: {docker.io: {endpoint: ['http://%[4]s/v2/proxy/hub']}}", "docker.io/library/box:1", ""},
		{"credentials", "mirrors: {r.example.org: {endpoint: ['http://%[6]s']}}\nconfigs:\n  '%[6]s':\n    auth:\n      username: me\n      password: 'p\"a\\s\u00fc'\n", "r.example.org/app:1", ""},
		{"no credentials", "mirrors: {r.example.org: {endpoint: ['http://%[6]s']}}", "r.example.org/app:1", "no basic auth credentials"},
	} {
		fill := func(s string) string {
			return fmt.Sprintf(strings.ReplaceAll(s, "%%", "%%%%")+"%[7]s", mirror, tlsMirror, ca, prefixed, empty, private, "")
		}
		r, certs := load(t, fill(c.text))
		if len(r.Problems) > 0 {
			t.Errorf("%s: problems %q", c.why, r.Problems)
		}
		err := resolve(t, certs, r, fill(c.image))
		if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: %v, want %q", c.why, err, c.fails)
		}
	}
}

// TestMistakes: each error is reported with its line and affects only its entry, and no value of the file is quoted.
func TestMistakes(t *testing.T) {
	const rest = "mirrors:\n  good.example.org:\n    endpoint: [https://m.example.org]\n"
	for text, want := range map[string]string{
		"configs: {a.example.org: {auth: {username: u, pasword: hunter2}}}": ":4: configs.a.example.org.auth: unknown key, want one of auth, username",
		"configs: {a.example.org: {auth: {auth: hunter2}}}":                 ":4: configs.a.example.org.auth: auth is not the base64",
		"configs: {a.example.org: {auth: [hunter2]}}":                       ":4: configs.a.example.org.auth: want key: value pairs",
		"configs: {'*': {auth: {username: u, password: hunter2}}}":          ":4: configs.*.auth: credentials need the name",
		"configs: {a.example.org: {tls: {ca_file: /nowhere/ca.pem}}}":       ":4: configs.a.example.org.tls.ca_file: open /nowhere/ca.pem: no such file",
		"configs: {a.example.org: {tls: {ca_file: ca.pem}}}":                "ca_file: want an absolute path",
		"configs: {a.example.org: {tls: {cert_file: /nowhere/c.pem}}}":      "cert_file: open /nowhere/c.pem",
		"configs: {a.example.org: {tls: {insecure_skip_verify: maybe}}}":    "insecure_skip_verify: want true or false",
		"configs: {'https://u:hunter2@a.example.org': {}}":                  ":4: configs: want the name of a registry",
		"mirors: {}": ":4: unknown key, want one of mirrors, configs, auths",
		"configs:\n  a.example.org: {}\n  a.example.org: {}": ":6: configs: duplicate key",
	} {
		r, _ := load(t, rest+text+"\n")
		all := strings.Join(r.Problems, "\n")
		if len(r.Problems) != 1 || !strings.Contains(all, want) || !strings.HasSuffix(all, "; left out") || strings.Contains(all, "hunter2") {
			t.Errorf("%s: problems %q, want %q", text, r.Problems, want)
		}
		if r.Hosts["good.example.org"] == "" {
			t.Errorf("%s: the rest is gone", text)
		}
	}
	for text, want := range map[string]string{
		"mirrors:\n  a:\n    endpoint:\n    - https://u:hunter2@m.example.org\n    - https://m2.example.org\n": ":4: mirrors.a.endpoint: credentials belong under configs",
		"mirrors:\n  a:\n    endpoint: [https://m2.example.org, 'ftp://hunter2']\n":                            ":3: mirrors.a.endpoint: want an address",
		"mirrors:\n  a:\n    endpoint: ['https://%zz/hunter2', https://m2.example.org]\n":                      ":3: mirrors.a.endpoint: want an address",
	} {
		r, _ := load(t, text)
		if all := strings.Join(r.Problems, "\n"); len(r.Problems) != 1 || !strings.Contains(all, want) || strings.Contains(all, "hunter2") || !strings.Contains(r.Hosts["a"], "m2.example.org") {
			t.Errorf("%s: problems %q, want %q; hosts.toml %q", text, r.Problems, want, r.Hosts["a"])
		}
	}
	r, _ := load(t, "mirrors:\n  a:\n    endpoint: [https://m.example.org]\n    rewrite:\n      '^rancher/(.*)': 'other/$1'\n")
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "line 5") || r.Hosts["a"] != "" {
		t.Errorf("a rewrite of some names: problems %q, hosts.toml %q", r.Problems, r.Hosts["a"])
	}
	r, _ = load(t, "mirrors: *hunter2\n")
	if len(r.Problems) != 1 || strings.Contains(r.Problems[0], "hunter2") || !strings.Contains(r.Problems[0], "no mirror and no credentials") {
		t.Errorf("no YAML: problems %q", r.Problems)
	}
}

// TestFilesFollow: files have mode 0600 and are removed when they are no longer needed; files that k3s did not write
// stay.
func TestFilesFollow(t *testing.T) {
	r, certs := load(t, "mirrors: {a.example.org:5000: {endpoint: [https://m.example.org]}, b.example.org: {endpoint: [https://m.example.org]}}")
	a, b := filepath.Join(certs, "a.example.org_5000_", "hosts.toml"), filepath.Join(certs, "b.example.org", "hosts.toml")
	if info, err := os.Stat(a); err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := os.WriteFile(b, []byte("server = \"https://mine\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, err := r.Write(certs); err != nil || len(problems) != 1 || !strings.Contains(problems[0], "takes precedence") {
		t.Errorf("%q, %v", problems, err)
	}
	if problems, err := Load("/nonexistent").Write(certs); err != nil || len(problems) != 0 {
		t.Errorf("%q, %v", problems, err)
	}
	if _, err := os.Stat(a); err == nil {
		t.Error("a mirror that is gone is still used")
	}
	if data, _ := os.ReadFile(b); !strings.Contains(string(data), "mine") {
		t.Error("the user's own file is gone")
	}
	if err := os.WriteFile(b, []byte("server = https://mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, _ := Load("/nonexistent").Write(certs); len(problems) != 1 || !strings.Contains(problems[0], "not valid TOML") {
		t.Errorf("a file that containerd cannot read: %q", problems)
	}
}

// TestSpellings: one registry has several names, and a file has several shapes; what counts is what containerd is told.
func TestSpellings(t *testing.T) {
	for text, want := range map[string]string{
		"mirrors:\n  index.docker.io: {endpoint: [\"https://m\"]}\n":                                                           "docker.io",
		"mirrors:\n  https://index.docker.io/v1/: {endpoint: [\"https://m\"]}\n":                                               "docker.io",
		"mirrors:\n  registry-1.docker.io: {endpoint: [\" https://m \"]}\n":                                                    "docker.io",
		"---\n# mine\n---\nmirrors:\n  quay.io: {endpoint: [\"https://m\"]}\n":                                                 "quay.io",
		"mirrors:\n  quay.io: {endpoint: [\"https://m\"]}\n" + strings.Repeat("\x00", 900):                                     "quay.io",
		"mirrors:\n  ghcr.io: &m {endpoint: [\"https://m\"]}\n  quay.io: {<<: *m}\n":                                           "quay.io",
		"mirrors:\n  quay.io: {endpoint: [\"https://m\"]}\n  https://quay.io: {endpoint: [\"https://n\"]}\n---\nmirrors: {}\n": "quay.io",
	} {
		r, _ := load(t, text)
		if !strings.Contains(r.Hosts[want], `[host."https://m/v2"]`) || strings.Contains(r.Hosts[want], "https://n") {
			t.Errorf("%.60q: %q, %q", text, r.Hosts, r.Problems)
		}
	}
	r, _ := load(t, "configs:\n  https://index.docker.io/v1/:\n    auth:\n      username: u\n      password: |\n        p w\n")
	if r.Auths["registry-1.docker.io"] != (Auth{Username: "u", Password: "p w"}) {
		t.Errorf("%d credentials", len(r.Auths))
	}
	for text, want := range map[string]string{
		"mirrors:\n  \"*.example.org\": {endpoint: [\"https://m\"]}\n": "or * for all others", "mirrors:\n  a: {endpoint: [\"https://m:99999\"]}\n": "want an address",
		"mirrors: {a: {}}\n---\nconfigs: {}\n": "a second document", "mirrors: {a: {}, a/v2: {}}\n": "another spelling", "mirrors: {a: {}}\n\x00": "NUL bytes",
	} {
		if r, _ := load(t, text); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], want) {
			t.Errorf("%q: %q; want %q", text, r.Problems, want)
		}
	}
}
