package flags

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// validate replaces invalid values with their defaults, returns a warning for each, and fills in values derived from
// the networks.
func (c *Config) validate(fs *pflag.FlagSet) (warnings []string) {
	for _, rule := range []struct {
		flag  string
		wrong func() error
	}{
		{"node-name", c.wrongName}, {"flannel-backend", c.wrongBackend},
		{"cluster-cidr", func() error { _, err := netip.ParsePrefix(c.ClusterCIDR); return err }},
		{"service-cidr", func() error { _, err := netip.ParsePrefix(c.ServiceCIDR); return err }},
		{"cluster-dns", c.wrongDNS},
	} {
		if err := rule.wrong(); err != nil {
			f := fs.Lookup(rule.flag)
			warnings = append(warnings, fmt.Sprintf("%s %q: left out, %q counts: %v", rule.flag, f.Value, f.DefValue, err))
			_ = f.Value.Set(f.DefValue)
		}
	}
	c.fillDNS()
	return warnings
}

func (c *Config) wrongName() error {
	if c.NodeName != strings.ToLower(c.NodeName) {
		return errors.New("must be lower case")
	}
	return nil
}

func (c *Config) wrongBackend() error {
	if !slices.Contains([]string{"vxlan", "host-gw", "none"}, c.FlannelBackend) {
		return errors.New("want vxlan, host-gw or none")
	}
	return nil
}

// wrongDNS: the API server would refuse an address outside the service network.
func (c *Config) wrongDNS() error {
	if c.ClusterDNS == "" {
		return nil
	}
	dns, err := netip.ParseAddr(c.ClusterDNS)
	if err == nil && !netip.MustParsePrefix(c.ServiceCIDR).Contains(dns) {
		err = fmt.Errorf("not in service-cidr %s", c.ServiceCIDR)
	}
	return err
}
