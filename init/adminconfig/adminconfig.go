// Package adminconfig makes of the administrator's kubeconfig, which k3s has written for this machine, one for others: its
// server is an address that they reach, and context, cluster and user have the node's name. It refuses an address that
// only this machine reaches. What it returns gives full access to the cluster; errors quote nothing of it.
package adminconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/yamlnode"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/status"
	"gopkg.in/yaml.v3"
)

// File is the default path of the administrator's kubeconfig, which k3s writes.
const File = k3sflags.KubeconfigFile

// inside is a name in every API server's certificate, whatever the node's addresses are.
const inside = "kubernetes"

// Wish is what the user says of it.
type Wish struct {
	Server  string // address of the API server as others reach it; empty: that of the node
	Context string // name of context, cluster and user; empty: that of the node
}

// Write writes the kubeconfig of the node that has that status. root is the prefix of files.
func (w Wish) Write(out io.Writer, root string, s status.Status) (err error) {
	w.Context = cmp.Or(w.Context, s.NodeName, s.Hostname)
	if !contextNames.MatchString(w.Context) {
		return fmt.Errorf("--context %q: want letters, digits and . _ @ : / -", w.Context)
	}
	doc, err := read(root)
	if err != nil {
		return err
	}
	if w.Server == "" {
		if w.Server, err = outside(s.NodeIP); err != nil {
			return err
		}
	}
	if err := address(root, doc, w.Server, []string{s.NodeName, s.NodeIP}); err != nil {
		return err
	}
	rename(doc, w.Context)
	return yamlnode.Encode(out, doc)
}

var contextNames = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@:/-]*$`)

// outside returns the node's address if others can reach it: not that of proa-alone.
func outside(nodeIP string) (string, error) {
	ip := net.ParseIP(nodeIP)
	if ip == nil || ip.IsLoopback() || alone.Contains(ip) {
		return "", errors.New("the node has no address that others reach; name one by --server, or see `proa status`")
	}
	return ip.String(), nil
}

// alone is TEST-NET-3 (RFC 5737), which has the address of proa-alone.
var alone = net.IPNet{IP: net.IPv4(203, 0, 113, 0).To4(), Mask: net.CIDRMask(24, 32)}

// read reads the administrator's kubeconfig.
func read(root string) (*yaml.Node, error) {
	file := File
	if other := k3sFlag(root, "write-kubeconfig"); len(other) > 0 {
		file = other[len(other)-1]
	}
	text, err := os.ReadFile(root + file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: Kubernetes has not come up here yet, or this node is an agent, whose server has it; see `proa status`", err)
	}
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil || doc.Kind != yaml.DocumentNode {
		return nil, fmt.Errorf("%s is no kubeconfig", file) // the error would quote secrets
	}
	return doc.Content[0], nil
}

// k3sFlag returns the values of a flag in the runtime's file.
func k3sFlag(root, name string) (values []string) {
	var flags map[string]yaml.Node
	text, err := os.ReadFile(root + service.K3sConfigFile)
	if err != nil || yaml.Unmarshal(text, &flags) != nil {
		return nil
	}
	switch v := flags[name]; v.Kind {
	case yaml.ScalarNode:
		return []string{v.Value}
	case yaml.SequenceNode:
		for _, item := range v.Content {
			values = append(values, item.Value)
		}
	}
	return values
}

// address sets the server of each cluster in a kubeconfig. If the API server's certificate does not have its name,
// tls-server-name is set to one it has.
func address(root string, doc *yaml.Node, server string, certified []string) error {
	for _, c := range items(doc, "clusters") {
		cluster := yamlnode.Lookup(c, "cluster")
		at := yamlnode.Lookup(cluster, "server")
		if at == nil {
			return errors.New("the administrator's kubeconfig names no server")
		}
		old, err := url.Parse(at.Value)
		if err != nil {
			return fmt.Errorf("server of the administrator's kubeconfig: %w", err)
		}
		to, err := serverURL(server, old.Port())
		if err != nil {
			return err
		}
		at.SetString(to.String())
		names := append(slices.Clone(certified), k3sFlag(root, "tls-san")...)
		if !slices.Contains(names, to.Hostname()) && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, to.Hostname()) {
			yamlnode.SetString(cluster, "tls-server-name", inside)
		}
	}
	return nil
}

// serverURL completes an address to a URL.
func serverURL(text, port string) (*url.URL, error) {
	bad := fmt.Errorf("--server %q: want HOST, HOST:PORT or https://HOST:PORT", text)
	rest, isURL := strings.CutPrefix(text, "https://")
	if ip := net.ParseIP(rest); !isURL && ip != nil && ip.To4() == nil {
		rest = "[" + rest + "]"
	}
	u, err := url.Parse("https://" + strings.TrimSuffix(rest, "/"))
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Host, " /") {
		return nil, bad
	}
	if u.Port() == "" && port != "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u, nil
}

// rename renames the context, cluster and user of a kubeconfig.
func rename(doc *yaml.Node, name string) {
	for _, kind := range []string{"clusters", "contexts", "users"} {
		for _, item := range items(doc, kind) {
			yamlnode.SetString(item, "name", name)
			if c := yamlnode.Lookup(item, "context"); c != nil {
				yamlnode.SetString(c, "cluster", name)
				yamlnode.SetString(c, "user", name)
			}
		}
	}
	yamlnode.SetString(doc, "current-context", name)
}

func items(doc *yaml.Node, key string) []*yaml.Node {
	if n := yamlnode.Lookup(doc, key); n != nil && n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return nil
}
