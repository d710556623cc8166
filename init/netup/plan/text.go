package plan

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeTypes are the types of routes by the names of ip-route(8).
var routeTypes = map[string]int{"unicast": unix.RTN_UNICAST, "blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE,
	"prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW, "local": unix.RTN_LOCAL}

var routeScopes = map[string]netlink.Scope{"global": netlink.SCOPE_UNIVERSE, "link": netlink.SCOPE_LINK, "host": netlink.SCOPE_HOST}

// routeText returns a route as ip-route(8) writes it. What is the kernel's default is left out.
func routeText(r netlink.Route) string {
	var b strings.Builder
	for name, t := range routeTypes {
		if r.Type == t && t != unix.RTN_UNICAST {
			b.WriteString(name + " ")
		}
	}
	b.WriteString(r.Dst.String())
	switch {
	case r.Gw != nil:
		b.WriteString(" via " + r.Gw.String())
	case r.Via != nil:
		b.WriteString(" via " + r.Via.String())
	}
	if r.Src != nil {
		b.WriteString(" src " + r.Src.String())
	}
	fmt.Fprintf(&b, " metric %d", r.Priority)
	if r.Table != 0 {
		fmt.Fprintf(&b, " table %d", r.Table)
	}
	if r.MTU != 0 {
		fmt.Fprintf(&b, " mtu %d", r.MTU)
	}
	return b.String()
}

func ruleText(r netlink.Rule) string {
	text := map[int]string{netlink.FAMILY_V4: "inet", netlink.FAMILY_V6: "inet6"}[r.Family]
	if r.Src != nil {
		text += " from " + r.Src.String()
	}
	if r.Dst != nil {
		text += " to " + r.Dst.String()
	}
	if r.Mark != 0 {
		text += fmt.Sprintf(" fwmark %d", r.Mark)
	}
	if r.Tos != 0 {
		text += fmt.Sprintf(" tos %d", r.Tos)
	}
	if r.Priority > 0 {
		text += fmt.Sprintf(" priority %d", r.Priority)
	}
	return fmt.Sprintf("%s table %d", text, r.Table)
}
