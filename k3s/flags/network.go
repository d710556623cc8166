package flags

import (
	"fmt"
	"net/netip"
)

// fillNetworks checks the two networks and derives the DNS address from the service network.
func (c *Config) fillNetworks() error {
	if _, err := netip.ParsePrefix(c.ClusterCIDR); err != nil {
		return fmt.Errorf("cluster-cidr: %w", err)
	}
	services, err := netip.ParsePrefix(c.ServiceCIDR)
	if err != nil {
		return fmt.Errorf("service-cidr: %w", err)
	}
	if c.ClusterDNS == "" {
		c.ClusterDNS = nth(services, 10).String()
	}
	dns, err := netip.ParseAddr(c.ClusterDNS)
	if err != nil {
		return fmt.Errorf("cluster-dns: %w", err)
	}
	if !services.Contains(dns) {
		return fmt.Errorf("cluster-dns %s: not in service-cidr %s", dns, services)
	}
	return nil
}

// APIServiceIP is the address of the kubernetes service: the first of the service network.
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
