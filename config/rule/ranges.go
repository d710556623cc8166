package rule

import "net/netip"

// What the control plane makes of addresses and networks it is given; one that it refuses costs the whole cluster.

// nodeIP is what a kubelet may say of its node (pkg/kubelet/kubelet_node_status.go, validateNodeIP), as far as it can be seen beforehand.
func nodeIP(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil || !unicast(a) || a.IsLinkLocalUnicast() {
		return "an address of the node that others reach: not a loopback, link-local, multicast or unspecified one"
	}
	return ""
}

// Sizes of a node's part of the pod network (--node-cidr-mask-size-ipv4 and -ipv6), and of the largest network that is parted
// (pkg/controller/nodeipam/ipam/cidrset, clusterSubnetMaxDiff) and of services (pkg/controlplane/instance, maxCIDRBits).
const (
	nodeMask4, nodeMask6 = 24, 64
	widestPods           = 16
	widestServices       = 20
)

func podRange(s string) string {
	p, err := netip.ParsePrefix(s)
	node := nodeMask4
	if err == nil && p.Addr().Is6() {
		node = nodeMask6
	}
	if err != nil || p.Bits() > node || node-p.Bits() > widestPods {
		return "a network for pods with a prefix length from 8 to 24, or from 48 to 64 for IPv6: each node has a /24, or /64, of it"
	}
	return ""
}

func serviceRange(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().BitLen()-p.Bits() > widestServices || p.Addr().BitLen()-p.Bits() < 4 {
		return "a network for services with a prefix length from 12 to 28, or from 108 to 124 for IPv6"
	}
	return ""
}
