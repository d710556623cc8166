package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
)

// resolvPoll is the interval for checking the host's name servers, which may appear or change at any time.
const resolvPoll = 5 * time.Second

// noUpstream replaces the name server in pods' resolv.conf on a node that has none: for an empty file, libc would ask
// the pod itself, as with a loopback address. The address is reserved for documentation (RFC 5737).
const noUpstream = "nameserver 192.0.2.1\n"

// NameServerDir has the file that CoreDNS imports for the node's name servers; it is mounted into its pod as a
// directory, so that changes are visible there.
func (n Node) NameServerDir() string { return n.agent("etc/coredns") }

// podResolvConf is the path of the file that the kubelet copies into pods with the node's DNS policy when they start.
func (n Node) podResolvConf() string { return n.agent("etc/resolv.conf") }

func (n Node) hostResolvConf() string {
	if n.ResolvConf != "" {
		return n.ResolvConf
	}
	return "/etc/resolv.conf"
}

// NameServers writes both files from the host's, if they differ.
func (n Node) NameServers() error {
	host, err := os.ReadFile(n.hostResolvConf())
	if err != nil {
		host = nil // no file means no name servers
	}
	servers := nameServers(string(host))
	pods := string(host)
	if len(servers) == 0 {
		pods = noUpstream
	}
	if err := writeFile(n.podResolvConf(), pods, 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(n.NameServerDir(), 0o755); err != nil {
		return err
	}
	_, err = atomicfile.WriteIfChanged(filepath.Join(n.NameServerDir(), "forward.override"), []byte(forward(servers)), 0o644)
	return err
}

// FollowNameServers repeats NameServers until the context ends. It calls tell with an error, and with nil once that is
// resolved.
func (n Node) FollowNameServers(ctx context.Context, tell func(error)) {
	for {
		tell(n.NameServers())
		select {
		case <-ctx.Done():
			return
		case <-time.After(resolvPoll):
		}
	}
}

// forward returns CoreDNS's forward directive; without name servers one that fails at once.
func forward(servers []string) string {
	if len(servers) == 0 {
		return "# the node has no name server\n"
	}
	return "forward . " + strings.Join(servers, " ") + "\n"
}

// nameServers returns the name servers of a resolv.conf that a pod can reach: no loopback and no link-local addresses.
func nameServers(resolv string) (servers []string) {
	for line := range strings.Lines(resolv) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if ip := net.ParseIP(fields[1]); ip != nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified() {
			servers = append(servers, ip.String())
		}
	}
	return servers
}
