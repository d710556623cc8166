package plan

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
)

// Task has operations on one interface. Link is nil if the first operation creates it.
type Task struct {
	Name string
	Link netlink.Link
	Ops  []Op
}

func (t Task) String() string { return t.Name + ": " + fmt.Sprint(t.Ops) }

// Weave returns what is still to be done so that the interfaces of the configuration that are made of others exist, and
// have their members, as far as the interfaces are there that they need. Once it is done more may be possible: a VLAN of
// a bond is created after the bond. Of what is as it should be there is no operation.
func Weave(n config.Network, links []Link) (tasks []Task) {
	for _, name := range slices.Sorted(maps.Keys(n.Interfaces)) {
		if s := n.Interfaces[name]; s.Made() {
			tasks = append(tasks, made(n, name, s, links)...)
		}
	}
	for _, l := range links {
		if l.Kind != Virtual {
			tasks = append(tasks, join(n, l, links)...)
		}
	}
	return tasks
}

// made creates an interface. One of the same kind and name, as some modules create when they are loaded, is taken over.
func made(n config.Network, name string, s config.Interface, links []Link) []Task {
	at := slices.IndexFunc(links, func(l Link) bool { return l.Name() == name })
	if at >= 0 && links[at].Kind == Made {
		return nil
	}
	if at >= 0 && links[at].Type() == kindOf(s) && s.VLAN == nil {
		return []Task{{name, links[at], append([]Op{SetAlias{}, SetDown{}}, attributes(s)...)}}
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	var create Create
	var first []Task
	switch {
	case s.VLAN != nil:
		parent := slices.IndexFunc(links, func(l Link) bool { return l.Kind != Virtual && refers(n, s.VLAN.Link, l) })
		if parent < 0 {
			return nil
		}
		first = []Task{{links[parent].Name(), links[parent], []Op{SetUp{}}}} // a VLAN of one that is down cannot be up
		attrs.ParentIndex = links[parent].Attrs().Index
		create = Create{&netlink.Vlan{LinkAttrs: attrs, VlanId: s.VLAN.ID}}
	case s.Bond != nil:
		create = Create{netlink.NewLinkBond(attrs)}
	case s.Bridge != nil:
		create = Create{&netlink.Bridge{LinkAttrs: attrs}}
	default:
		create = Create{&netlink.Dummy{LinkAttrs: attrs}}
	}
	return append(first, Task{name, nil, append([]Op{create, SetAlias{}}, attributes(s)...)})
}

// kindOf returns the kernel's name of the kind of an interface that is made.
func kindOf(s config.Interface) string {
	switch {
	case s.VLAN != nil:
		return "vlan"
	case s.Bond != nil:
		return "bond"
	case s.Bridge != nil:
		return "bridge"
	}
	return "dummy"
}

// join makes a link a member of its bond or bridge, or takes it out of one of ours of which it is none. A bond takes
// only members that are down.
func join(n config.Network, l Link, links []Link) []Task {
	index := func(i int) func(Link) bool {
		return func(m Link) bool { return m.Attrs().Index == i && m.Kind == Made }
	}
	name, member := Master(n, l)
	at := slices.IndexFunc(links, func(m Link) bool { return m.Name() == name && m.Kind == Made })
	switch {
	case !member && slices.ContainsFunc(links, index(l.Attrs().MasterIndex)):
		return []Task{{l.Name(), l, []Op{Join{}}}}
	case !member || at < 0 || l.Attrs().MasterIndex == links[at].Attrs().Index:
		return nil
	}
	s := n.Interfaces[name]
	ops := []Op{SetDown{}}
	if mac, err := net.ParseMAC(Settings(n, l).MAC); err == nil {
		ops = append(ops, SetMAC(mac))
	}
	ops = append(ops, Join{name, links[at].Attrs().Index}, SetUp{})
	tasks := []Task{{l.Name(), l, append(ops, portAttributes(n, s, l)...)}}
	if s.Bond != nil && s.Bond.Primary != "" && refers(n, s.Bond.Primary, l) {
		tasks = append(tasks, Task{name, links[at], []Op{SetAttribute{"bonding/primary", l.Name()}}})
	}
	return tasks
}

// attributes returns the settings of a bond or a bridge that the kernel has in files.
func attributes(s config.Interface) []Op {
	switch {
	case s.Bond != nil:
		return bondAttributes(*s.Bond)
	case s.Bridge != nil:
		return bridgeAttributes(*s.Bridge)
	}
	return nil
}

// bondAttributes begins with the mode, on which the others depend, and has the monitor before the delays, which are
// multiples of its time.
func bondAttributes(b config.Bond) (ops []Op) {
	put := func(name, value string) { ops = append(ops, SetAttribute{"bonding/" + name, value}) }
	positive := func(name string, value int) {
		if value > 0 {
			put(name, strconv.Itoa(value))
		}
	}
	put("mode", b.Mode)
	if _, arp := b.Options["arp_interval"]; !arp {
		put("miimon", strconv.Itoa(b.MIIMonitor))
	}
	positive("updelay", b.UpDelay)
	positive("downdelay", b.DownDelay)
	if b.LACPRate != "" {
		put("lacp_rate", b.LACPRate)
	}
	if b.HashPolicy != "" {
		put("xmit_hash_policy", b.HashPolicy)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Options)) {
		for _, value := range bondValues(name, b.Options[name]) {
			put(name, value)
		}
	}
	return ops
}

// bondValues splits the addresses of a list, of which the kernel takes one at a time.
func bondValues(name, value string) (out []string) {
	if name != "arp_ip_target" && name != "ns_ip6_target" {
		return []string{value}
	}
	for _, address := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		out = append(out, "+"+strings.TrimPrefix(address, "+"))
	}
	return out
}

// bridgeAttributes has times in hundredths of a second, as the kernel does, and the times before the protocol, which
// limits them.
func bridgeAttributes(b config.Bridge) (ops []Op) {
	put := func(name string, value int) { ops = append(ops, SetAttribute{"bridge/" + name, strconv.Itoa(value)}) }
	for _, t := range []struct {
		name    string
		seconds int
	}{{"forward_delay", b.ForwardDelay}, {"hello_time", b.HelloTime}, {"max_age", b.MaxAge}, {"ageing_time", b.Ageing}} {
		if t.seconds > 0 {
			put(t.name, 100*t.seconds)
		}
	}
	if b.Priority != nil {
		put("priority", *b.Priority)
	}
	stp := 0
	if b.STP == nil || *b.STP {
		stp = 1
	}
	put("stp_state", stp)
	return ops
}

// portAttributes returns the settings of a member of a bridge.
func portAttributes(n config.Network, s config.Interface, l Link) (ops []Op) {
	if s.Bridge == nil {
		return nil
	}
	for _, a := range []struct {
		name   string
		values map[string]int
	}{{"path_cost", s.Bridge.PathCost}, {"priority", s.Bridge.PortPriority}} {
		for _, member := range slices.Sorted(maps.Keys(a.values)) {
			if refers(n, member, l) {
				ops = append(ops, SetAttribute{"brport/" + a.name, strconv.Itoa(a.values[member])})
			}
		}
	}
	return ops
}
