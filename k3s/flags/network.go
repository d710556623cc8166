package flags

import "net/netip"

// fillDNS derives the DNS address from the service network.
func (c *Config) fillDNS() {
	if c.ClusterDNS == "" {
		c.ClusterDNS = nth(netip.MustParsePrefix(c.ServiceCIDR), 10).String()
	}
}

// APIServiceIP returns the address of the service "kubernetes": the first of the service network.
func (c *Config) APIServiceIP() netip.Addr {
	return nth(netip.MustParsePrefix(c.ServiceCIDR), 1)
}

func nth(p netip.Prefix, n int) netip.Addr {
	addr := p.Masked().Addr()
	for range n {
		addr = addr.Next()
	}
	return addr
}
