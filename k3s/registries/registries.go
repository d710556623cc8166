// Package registries translates K3s's registries.yaml for containerd: hosts.toml files below certs.d, and credentials
// of its CRI plugin. It never refuses the whole file: an invalid entry is ignored and reported with file and line.
// Messages never quote a value of the file, because it has passwords.
package registries

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// Registries is a translated registries.yaml.
type Registries struct {
	// Hosts has the content of hosts.toml by directory name (containerd's docs/hosts.md).
	Hosts map[string]string
	// Auths has the credentials by host, including its port if it has one.
	Auths map[string]Auth
	// Problems are lines for users: what is ignored, and why.
	Problems []string
}

// Auth are the credentials of one registry: user and password, both in one base64 string, or a token.
type Auth struct{ Username, Password, Auth, IdentityToken string }

// TLS has absolute paths of files, and whether to skip the verification of the registry's certificate.
type TLS struct {
	CAFile, CertFile, KeyFile string
	Insecure                  bool
}

// mirror is a mirror of a registry.
type mirror struct {
	endpoints []text
	rewrites  []text // pattern and replacement alternately
}

// text is a value and its line.
type text struct {
	value string
	line  int
}

// Load translates the file at path. A missing file is an empty one.
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
	if whole := bytes.TrimRight(data, "\x00"); len(whole) < len(data) { // what a power cut leaves
		f.problem(1+bytes.Count(whole, []byte("\n")), "", "NUL bytes at the end of the file")
		data = whole
	}
	if err := f.read(data); err != nil {
		r.Problems = []string{fmt.Sprintf("%s%s: not valid YAML; no mirror and no credentials are used", path, lineOf(err))}
		return r
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

// read takes the first document that says something.
func (f *reader) read(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for read := false; ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(doc.Content) == 0 || resolved(doc.Content[0]).Tag == "!!null":
		case read:
			f.problem(doc.Content[0].Line, "", "a second document; only one is read")
		default:
			f.walk(doc.Content[0], "", f.top())
			read = true
		}
	}
}

// hosts returns all hosts in the file.
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

// docker copies Docker Hub's credentials to the host that requires them.
func (f *reader) docker() {
	if a, ok := f.auths["docker.io"]; ok {
		if _, both := f.auths["registry-1.docker.io"]; !both {
			f.auths["registry-1.docker.io"] = a
		}
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// lineOf finds the line number in an error of the YAML parser, whose text may quote the document.
func lineOf(err error) string {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		return ":" + m[1]
	}
	return ""
}
