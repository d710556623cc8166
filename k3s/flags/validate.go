package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// validate replaces invalid values with their defaults, returns a warning for each, and fills in values derived from
// the networks.
func (c *Config) validate(set *pflag.FlagSet) (warnings []string) {
	for _, rule := range []struct {
		flag  string
		wrong func() error
	}{
		{"node-name", c.wrongName}, {"flannel-backend", c.wrongBackend},
		{"cluster-cidr", func() error { _, err := netip.ParsePrefix(c.ClusterCIDR); return err }},
		{"service-cidr", func() error { _, err := netip.ParsePrefix(c.ServiceCIDR); return err }},
		{"cluster-dns", c.wrongDNS}, {"write-kubeconfig-mode", c.wrongMode},
	} {
		if err := rule.wrong(); err != nil {
			f := set.Lookup(rule.flag)
			warnings = append(warnings, fmt.Sprintf("%s %q: left out, %q counts: %v", rule.flag, f.Value, f.DefValue, err))
			_ = f.Value.Set(f.DefValue)
		}
	}
	c.fillDNS()
	c.passOn()
	return warnings
}

// passOn turns the short names of components' arguments into these; the user's own arguments come later and count.
func (c *Config) passOn() {
	if c.ServiceNodePortRange != "" {
		c.APIServerArgs = append([]string{"service-node-port-range=" + c.ServiceNodePortRange}, c.APIServerArgs...)
	}
	if c.ProtectKernelDefaults {
		c.KubeletArgs = append([]string{"protect-kernel-defaults=true"}, c.KubeletArgs...)
	}
}

// KubeconfigMode returns the permissions of the administrator's kubeconfig, which its owner can always read.
func (c *Config) KubeconfigMode() fs.FileMode {
	mode, err := strconv.ParseUint(c.WriteKubeconfigMode, 8, 32)
	if err != nil {
		return 0o600
	}
	return fs.FileMode(mode) | 0o600
}

func (c *Config) wrongMode() error {
	if mode, err := strconv.ParseUint(c.WriteKubeconfigMode, 8, 32); err != nil || mode > 0o777 {
		return errors.New("want permissions in octal, such as 0644")
	}
	return nil
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
