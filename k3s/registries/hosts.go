package registries

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// header marks files written by k3s.
const header = "# Made from registries.yaml at each start; changes here are lost.\n"

// folder returns containerd's directory name for a registry: it has no colon before the port.
func folder(host string) string {
	if host == "*" {
		return "_default"
	}
	if at := strings.LastIndex(host, ":"); at > 0 && !strings.HasSuffix(host, "]") {
		return host[:at] + "_" + host[at+1:] + "_"
	}
	return host
}

// hostsFile returns hosts.toml of one registry: its mirrors in order, then the registry itself. Empty: the default.
func (f *reader) hostsFile(host string) string {
	m := f.mirrors[host]
	var b strings.Builder
	written := map[string]bool{}
	for _, e := range m.endpoints {
		u, err := endpoint(e.value)
		if err == nil {
			err = rewrite(u, m.rewrites)
		}
		if err != nil {
			f.problem(e.line, "mirrors."+host+".endpoint", "%v", err)
			continue
		}
		if written[u.String()] {
			continue
		}
		written[u.String()] = true
		fmt.Fprintf(&b, "\n[host.%s]\n  capabilities = [\"pull\", \"resolve\"]\n%s", quote(u.String()), f.tlsOf(u.Host).toml("  "))
		if u.Path != "/v2" {
			b.WriteString("  override_path = true\n")
		}
	}
	t := f.tlsOf(host)
	if b.Len() == 0 && t == (TLS{}) {
		return ""
	}
	return header + server(host) + t.toml("") + b.String()
}

func server(host string) string {
	switch host {
	case "*":
		return "" // use the host in the image name
	case "docker.io":
		return "server = \"https://registry-1.docker.io/v2\"\n"
	}
	u, err := endpoint(host)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("server = %s\n", quote(u.String()))
}

// tlsOf finds the TLS settings of a host under either of Docker Hub's names.
func (f *reader) tlsOf(host string) TLS {
	if t, ok := f.tls[host]; ok || host != "registry-1.docker.io" {
		return t
	}
	return f.tls["docker.io"]
}

func (t TLS) toml(indent string) string {
	var b strings.Builder
	if t.CAFile != "" {
		fmt.Fprintf(&b, "%sca = [%s]\n", indent, quote(t.CAFile))
	}
	switch {
	case t.CertFile != "" && t.KeyFile != "":
		fmt.Fprintf(&b, "%sclient = [[%s, %s]]\n", indent, quote(t.CertFile), quote(t.KeyFile))
	case t.CertFile != "":
		fmt.Fprintf(&b, "%sclient = [%s]\n", indent, quote(t.CertFile))
	}
	if t.Insecure {
		fmt.Fprintf(&b, "%sskip_verify = true\n", indent)
	}
	return b.String()
}

// endpoint parses a mirror's address as K3s does: without a scheme it is https, except http for this machine with a
// port; without a path the API's default path is used, and any other path is used as it is.
func endpoint(address string) (*url.URL, error) {
	if address = strings.TrimSpace(address); !strings.Contains(address, "://") {
		address = "//" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || !isPort(u.Port()) || !slices.Contains([]string{"", "http", "https"}, u.Scheme):
		return nil, errors.New("want an address such as https://mirror.example.org:5000") // the parser's error quotes it
	case u.User != nil:
		return nil, errors.New("credentials belong under configs")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("want an address without ? and #")
	case u.Scheme == "" && local(u.Hostname()) && u.Port() != "" && u.Port() != "443":
		u.Scheme = "http"
	case u.Scheme == "":
		u.Scheme = "https"
	}
	if u.Host == "docker.io" {
		u.Host = "registry-1.docker.io"
	}
	if u.Path = path.Clean("/" + u.Path); u.Path == "/" {
		u.Path = "/v2"
	}
	return u, nil
}

// isPort: none is the scheme's.
func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return s == "" || err == nil && n > 0 && n < 1<<16
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var (
	everything = regexp.MustCompile(`^\^?\(\.[*+]\)\$?$`)
	prefix     = regexp.MustCompile(`^/?([^$]+)/\$(1|\{1\})$`)
)

// rewrite adds the prefix that a mirror has before every name to its path. containerd supports no other rewrite, and a
// mirror that is asked for other names than intended may return other images.
func rewrite(u *url.URL, rewrites []text) error {
	if len(rewrites) == 0 {
		return nil
	}
	replacement := prefix.FindStringSubmatch(rewrites[1].value)
	if len(rewrites) > 2 || !everything.MatchString(rewrites[0].value) || replacement == nil {
		return fmt.Errorf("the rewrite in line %d is not supported: only a prefix before every name is, such as \"(.*)\": \"prefix/$1\"", rewrites[0].line)
	}
	u.Path = path.Join(u.Path, replacement[1])
	return nil
}
