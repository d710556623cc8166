// Package registries translates K3s's registries.yaml into what containerd reads: hosts.toml files below certs.d, and credentials of its
// CRI plugin. It refuses nothing as a whole: what is wrong is left out and named by file and line, the rest holds. No message repeats a
// value of the file, for it holds passwords.
package registries

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// Registries is a translated file.
type Registries struct {
	// Hosts has the content of hosts.toml by name of its folder (containerd's docs/hosts.md).
	Hosts map[string]string
	// Auths has the credentials by host, with its port where it has one.
	Auths map[string]Auth
	// Problems are lines for people: what is left out, and why.
	Problems []string
}

// Auth is what one registry wants to hear: a user and password, both in one base64 text, or a token.
type Auth struct{ Username, Password, Auth, IdentityToken string }

// TLS are files, by absolute path, and whether the registry's certificate counts at all.
type TLS struct {
	CAFile, CertFile, KeyFile string
	Insecure                  bool
}

// mirror is where the images of one registry may be had as well.
type mirror struct {
	endpoints []text
	rewrites  []text // pattern and replacement in turns
}

// text is a value and where it stands.
type text struct {
	value string
	line  int
}

// Load translates the file at path. No file is an empty one.
func Load(path string) Registries {
	r := Registries{Hosts: map[string]string{}, Auths: map[string]Auth{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r
	}
	f := &reader{path: path, mirrors: map[string]mirror{}, tls: map[string]TLS{}, auths: r.Auths}
	if err != nil {
		r.Problems = []string{fmt.Sprintf("%v; no mirror and no credentials are used", err)}
		return r
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		r.Problems = []string{fmt.Sprintf("%s%s: not valid YAML; no mirror and no credentials are used", path, lineOf(err))}
		return r
	}
	if len(doc.Content) > 0 {
		f.walk(doc.Content[0], "", f.top())
	}
	for _, host := range slices.Sorted(maps.Keys(f.hosts())) {
		if content := f.hostsFile(host); content != "" {
			r.Hosts[folder(host)] = content
		}
	}
	f.docker()
	r.Problems = f.problems
	return r
}

// hosts are all that the file says something about.
func (f *reader) hosts() map[string]bool {
	all := map[string]bool{}
	for host := range f.mirrors {
		all[host] = true
	}
	for host := range f.tls {
		all[host] = true
	}
	return all
}

// docker gives Docker Hub's credentials to the host that asks for them.
func (f *reader) docker() {
	if a, ok := f.auths["docker.io"]; ok {
		if _, both := f.auths["registry-1.docker.io"]; !both {
			f.auths["registry-1.docker.io"] = a
		}
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// lineOf finds the line in an error of the YAML parser; its other words may repeat the document.
func lineOf(err error) string {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		return ":" + m[1]
	}
	return ""
}
