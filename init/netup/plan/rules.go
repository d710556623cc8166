package plan

import (
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// Rules returns the operations from one list of rules to another. What is in both is not touched. Rules are not of an
// interface.
func Rules(old, now []config.Rule) (ops []Op) {
	there := map[string]bool{}
	for _, r := range rules(now) {
		there[ruleText(r)] = true
	}
	was := map[string]bool{}
	for _, r := range rules(old) {
		if was[ruleText(r)] = true; !there[ruleText(r)] {
			ops = append(ops, DropRule(r))
		}
	}
	for _, r := range rules(now) {
		if !was[ruleText(r)] {
			ops = append(ops, PutRule(r))
		}
	}
	return ops
}

func rules(list []config.Rule) (out []netlink.Rule) {
	for _, r := range list {
		for _, family := range families(r) {
			n := netlink.NewRule()
			n.Family, n.Table, n.Src, n.Dst = family, r.Table, prefix(r.From), prefix(r.To)
			n.Mark, n.Tos, n.Protocol = uint32(r.Mark), uint(r.TOS), unix.RTPROT_STATIC
			if r.Priority != 0 {
				n.Priority = r.Priority
			}
			out = append(out, *n)
		}
	}
	return out
}

// families returns those of the rule's networks; a rule without any is for both.
func families(r config.Rule) []int {
	for _, text := range []string{r.From, r.To} {
		switch n := prefix(text); {
		case n == nil:
		case n.IP.To4() != nil:
			return []int{netlink.FAMILY_V4}
		default:
			return []int{netlink.FAMILY_V6}
		}
	}
	return []int{netlink.FAMILY_V4, netlink.FAMILY_V6}
}

// prefix parses a network, or an address as the network of it alone; nil for anything else.
func prefix(text string) *net.IPNet {
	if _, n, err := net.ParseCIDR(text); err == nil {
		return n
	}
	ip := net.ParseIP(text)
	switch {
	case ip == nil:
		return nil
	case ip.To4() != nil:
		return &net.IPNet{IP: ip.To4(), Mask: net.CIDRMask(32, 32)}
	}
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)}
}
