// Package firewall restricts what others on the network can reach on this machine. Its nftables table, `inet proa`, is
// independent of those of kube-proxy, flannel and the CNI's portmap. It accepts what proa serves, what pods serve and
// what the configuration allows, and drops the rest. It never filters what the machine sends, nor what its pods send.
// Ports are never guessed: they are in the configuration or in the table here.
package firewall

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/init/upgrade/peers/port"
)

// Table is the name of the table, in the family inet.
const Table = "proa"

// Hook priorities: prerouting before the address translation of kube-proxy and portmap (dstnat, -100), the others after
// it and before Kubernetes' filters (0). An accept here does not end the evaluation of their chains; a drop does.
const (
	early = "-150"
	late  = "-10"
)

// Rules are the inputs of the table.
type Rules struct {
	Off      bool
	Ports    []string // nft expressions for what the machine itself serves, "tcp dport 22"
	Allow    []string // nft expressions from the configuration
	Inside   []string // interfaces of pods and of the cluster's network; a trailing * is a wildcard
	Bridges  []string // of the configuration, between whose members packets pass
	Services string   // service network; empty: none
	Pods     []Route  // pod networks of other nodes that are routed without a tunnel
	Nodes    []string // addresses of the cluster's other nodes
	Cgroup   string   // cgroup of pods as a path below the root of cgroup v2; empty: not matched
}

// Route is a pod network and the node it is routed to.
type Route struct{ To, Via string }

// inside are the interfaces that the CNI plugins create.
var inside = []string{"cni0", "flannel*", "veth*"}

// defaultNodePorts is the API server's default; k3s.args overrides it.
const defaultNodePorts = "30000-32767"

// For returns the rules for a configuration.
func For(c *config.Config) Rules {
	f := c.Network.Firewall
	r := Rules{Off: f.Enabled != nil && !*f.Enabled, Ports: []string{"tcp dport 22"}, Inside: append(slices.Clone(inside), f.Inside...)}
	if c.Upgrade.Peers {
		r.Ports = append(r.Ports, fmt.Sprintf("tcp dport %d", port.Pieces), fmt.Sprintf("udp dport { %d, %d }", port.Pieces, port.Answers))
	}
	for _, a := range f.Allow {
		r.Allow = append(r.Allow, allowed(a))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Network.Interfaces)) {
		if c.Network.Interfaces[name].Bridge != nil {
			r.Bridges = append(r.Bridges, name)
		}
	}
	if !c.K3s.Enabled {
		return r
	}
	nodePorts := flag(c.K3s.Args, "kube-apiserver-arg=service-node-port-range", ports,
		flag(c.K3s.Args, "service-node-port-range", ports, defaultNodePorts))
	r.Services, r.Cgroup = flag(c.K3s.Args, "service-cidr", network, k3sflags.ServiceCIDR), PodCgroup
	r.Ports = append(r.Ports, "tcp dport 10250", "tcp dport "+nodePorts, "udp dport "+nodePorts)
	if c.K3s.Role == "server" || c.K3s.Role == "" && c.K3s.ServerURL == "" {
		r.Ports = append(r.Ports, "tcp dport "+flag(c.K3s.Args, "https-listen-port", ports, strconv.Itoa(k3sflags.APIPort)))
	}
	return r
}

// flag returns the value of the last occurrence of a flag, as the runtime uses it, if it is valid: the runtime refuses
// others.
func flag(args []string, name string, shape func(string) bool, otherwise string) string {
	for _, a := range args {
		v, is := strings.CutPrefix(a, "--"+name+"=")
		if is && shape(v) {
			otherwise = v
		}
	}
	return otherwise
}

var ports = regexp.MustCompile(`^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$`).MatchString

func network(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }

// allowed translates an entry of network.firewall.allow to nft. config has checked its format.
func allowed(entry string) string {
	what, from, limited := strings.Cut(entry, " from ")
	protocol, ports, _ := strings.Cut(what, "/")
	rule := protocol + " dport " + ports
	if !limited {
		return rule
	}
	family := "ip"
	if strings.Contains(from, ":") {
		family = "ip6"
	}
	return family + " saddr " + from + " " + rule
}

// own are the packets that a host must accept for networks to work (RFC 4890, section 4.4, for ICMPv6; RFC 2131; RFC
// 8415; IGMP and MLD so that switches forward joined groups).
var own = []string{
	"icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem }",
	"icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
	"icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255",
	"icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }",
	"ip protocol igmp",
	"udp sport 67 udp dport 68",
	"ip6 saddr fe80::/10 udp sport 547 udp dport 546",
}

// Text returns the whole table, which nft loads atomically in place of the previous one.
func (r Rules) Text() string {
	var b strings.Builder
	b.WriteString("# written by proa from its config\n")
	fmt.Fprintf(&b, "table inet %[1]s\ndelete table inet %[1]s\n", Table) // the first line creates the table if it does not exist, so that the second cannot fail
	if r.Off {
		return b.String()
	}
	fmt.Fprintf(&b, "table inet %s {\n", Table)
	// Addresses of Services are for pods and nodes only; kube-proxy would translate them for anybody who sends a packet
	// here.
	if services := r.services(); services != nil {
		chain(&b, "early", "prerouting", early, "accept", r.within(), services)
	}
	known := []string{"ct state established,related accept", `iifname "lo" accept`}
	known = append(known, r.within()...)
	known = append(known, "ct status dnat accept") // a NodePort, a load balancer, a hostPort: exposed on purpose
	chain(&b, "input", "input", late, "drop", known, accept(own), accept(r.Ports), r.pods(), accept(r.Allow), r.nodes())
	chain(&b, "forward", "forward", late, "drop", known, r.bridged(), r.routed())
	b.WriteString("}\n")
	return b.String()
}

func chain(b *strings.Builder, name, hook, priority, policy string, rules ...[]string) {
	fmt.Fprintf(b, "\tchain %s {\n\t\ttype filter hook %s priority %s; policy %s;\n", name, hook, priority, policy)
	for _, list := range rules {
		for _, rule := range list {
			b.WriteString("\t\t" + rule + "\n")
		}
	}
	b.WriteString("\t}\n")
}

func accept(list []string) (out []string) {
	for _, rule := range list {
		out = append(out, rule+" accept")
	}
	return out
}

func (r Rules) within() (out []string) {
	for _, name := range r.Inside {
		out = append(out, fmt.Sprintf("iifname %q accept", name))
	}
	return out
}

// bridged accepts what passes between two members of a bridge: br_netfilter, which pods need, shows it to this chain. It
// is not for this machine, nor for its pods, which have a bridge of their own.
func (r Rules) bridged() (out []string) {
	for _, name := range r.Bridges {
		out = append(out, fmt.Sprintf("iifname %[1]q oifname %[1]q accept", name))
	}
	return out
}

func (r Rules) services() []string {
	switch {
	case r.Services == "":
		return nil
	case strings.Contains(r.Services, ":"):
		return []string{"ip6 daddr " + r.Services + " drop"}
	}
	return []string{"ip daddr " + r.Services + " drop"}
}

// pods accepts ports on which a pod on the host's network listens. It was given that network so that others can reach
// it.
func (r Rules) pods() []string {
	if r.Cgroup == "" {
		return nil
	}
	return []string{fmt.Sprintf("socket cgroupv2 level %d %q accept", 1+strings.Count(r.Cgroup, "/"), r.Cgroup)}
}

// nodes accepts flannel's tunnel from other nodes, if there are any.
func (r Rules) nodes() []string {
	if len(r.Nodes) == 0 {
		return nil
	}
	return []string{"ip saddr { " + strings.Join(r.Nodes, ", ") + " } udp dport 8472 accept"}
}

// routed accepts pods of other nodes that are routed (flannel's host-gw).
func (r Rules) routed() []string {
	var nets []string
	for _, p := range r.Pods {
		nets = append(nets, p.To)
	}
	if nets == nil {
		return nil
	}
	return []string{"ip saddr { " + strings.Join(nets, ", ") + " } accept"}
}
