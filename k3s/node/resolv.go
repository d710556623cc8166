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

// resolvPoll is how often the host's name servers are looked at: they may come, or change, long after we started.
const resolvPoll = 5 * time.Second

// noUpstream stands in for a name server on a node that has none, in what pods get: an empty file means the pod itself to libc, and
// a loopback address too. RFC 5737 gives this one to nobody.
const noUpstream = "nameserver 192.0.2.1\n"

// NameServerDir holds what CoreDNS imports to know the node's name servers; it is mounted into its pod, so that a change reaches it.
func (n Node) NameServerDir() string { return n.agent("etc/coredns") }

// podResolvConf is the file the kubelet hands to pods with the node's DNS policy, as it is when a pod starts.
func (n Node) podResolvConf() string { return n.agent("etc/resolv.conf") }

func (n Node) hostResolvConf() string {
	if n.ResolvConf != "" {
		return n.ResolvConf
	}
	return "/etc/resolv.conf"
}

// NameServers writes both files from the host's, if they are not so already.
func (n Node) NameServers() error {
	host, err := os.ReadFile(n.hostResolvConf())
	if err != nil {
		host = nil // no file, no name server
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

// FollowNameServers does so until the context ends, and tells what went wrong, and nil once that is over.
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

// forward is CoreDNS's directive; without a server it has nothing to ask and says so at once.
func forward(servers []string) string {
	if len(servers) == 0 {
		return "# the node has no name server\n"
	}
	return "forward . " + strings.Join(servers, " ") + "\n"
}

// nameServers is what a pod can reach of a resolv.conf: not the node's loopback, and no address that is valid only on one of its links.
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
