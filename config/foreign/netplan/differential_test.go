package netplan_test

import (
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/netplan"
)

// documents is how many random documents are compared.
const documents = 600

// judgement is a difference that is meant.
type judgement struct {
	line   *regexp.Regexp
	reason string
}

// judged are the differences between what netplan has systemd-networkd do and what is done here. A line is +FACT of ours
// or -FACT of netplan's.
var judged = []judgement{
	{regexp.MustCompile(`^\+\S+ accept-ra false$`), "without link-local addresses (link-local: []) networkd ignores router advertisements; here accept_ra says so"},
	{regexp.MustCompile(`^-\S+ metric (100|600)$`), "netplan's metric for DHCP only matters beside other metrics; without any, the schema's own order of interfaces holds"},
	{regexp.MustCompile(`^\+\S+ metric (10[0-9]|60[0-9])$`), "where metrics matter, no two interfaces with DHCP get the same one, so that both can have a default route"},
	{regexp.MustCompile(`^-(member )?\S+ match name lan[0-9]$`), "set-name without a hardware address: the interface keeps the kernel's name, and is found by the rest of match"},
	{regexp.MustCompile(`^\+(member )?\S+ match name (en\*|eth\?|enp[0-9]s0)$`), "set-name without a hardware address: the interface keeps the kernel's name, and is found by the matched one"},
	{regexp.MustCompile(`^\+\S+ bond mii_monitor 100$`), "a bond without a monitor never fails over; the schema's default is to look 10 times a second"},
	{regexp.MustCompile(`^-\S+ route .*type=multicast`), "routes of this type are not made here, which a note says"},
	{regexp.MustCompile(`^-member \S+ (dhcp[46] true|address .*|dns .*|search .*|route .*|accept-ra .*|metric .*)$`), "a member of a bond or a bridge has no addresses, which a note says"},
	{regexp.MustCompile(`^\+member \S+ accept-ra false$`), "a member takes no addresses from router advertisements: networkd has no link-local addresses there"},
}

// TestSameAsNetplan compares with systemd-networkd's files that `netplan generate` writes.
func TestSameAsNetplan(t *testing.T) {
	bin, err := exec.LookPath("netplan")
	if err != nil {
		t.Skip("netplan is not installed (package netplan.io)")
	}
	g := &generator{Rand: rand.New(rand.NewSource(16))}
	used := make([]int, len(judged))
	for i := range documents {
		text := g.document()
		theirs := networkd(t, bin, text)
		ours := planned(t, text)
		for _, line := range difference(ours, theirs) {
			if name, _, _ := strings.Cut(line[1:], " "); slices.ContainsFunc(ours, func(l string) bool { return strings.HasSuffix(l, " member "+name) }) {
				line = line[:1] + "member " + line[1:]
			}
			at := slices.IndexFunc(judged, func(j judgement) bool { return j.line.MatchString(line) })
			if at < 0 {
				t.Errorf("document %d: %s\n%s", i, line, text)
				continue
			}
			used[at]++
		}
	}
	for i, j := range judged {
		if used[i] == 0 {
			t.Errorf("a difference that was judged is none: %s", j.reason)
		}
		t.Logf("%4d: %s", used[i], j.reason)
	}
}

func difference(ours, theirs []string) (out []string) {
	for _, l := range ours {
		if !slices.Contains(theirs, l) {
			out = append(out, "+"+l)
		}
	}
	for _, l := range theirs {
		if !slices.Contains(ours, l) {
			out = append(out, "-"+l)
		}
	}
	return out
}

// facts are lines: the interface, and what is said of it.
type facts struct{ lines []string }

func (f *facts) add(name, format string, args ...any) {
	f.lines = append(f.lines, name+" "+fmt.Sprintf(format, args...))
}

// networkd returns what the files say that netplan writes for a document.
func networkd(t *testing.T, bin, text string) []string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/netplan"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/netplan/a.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, "generate", "--root-dir", root).CombinedOutput(); err != nil {
		t.Fatalf("netplan: %v\n%s\n%s", err, out, text)
	}
	f := &facts{}
	files, err := filepath.Glob(filepath.Join(root, "run/systemd/network/*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("netplan wrote nothing: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ext := filepath.Ext(file)
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "10-netplan-"), ext)
		name, _, _ = strings.Cut(name, "-Pier") // not written for networkd
		for _, s := range sectionsOf(string(content)) {
			switch ext {
			case ".network":
				f.network(name, s)
			case ".netdev":
				f.netdev(name, s)
			}
		}
		f.kernelDefaults(name, string(content))
	}
	return f.lines
}

// sectionOf is one [NAME] with its settings in order.
type sectionOf struct {
	name     string
	settings [][2]string
}

func (s sectionOf) get(key string) string {
	for _, kv := range s.settings {
		if kv[0] == key {
			return kv[1]
		}
	}
	return ""
}

func sectionsOf(text string) (out []sectionOf) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			out = append(out, sectionOf{name: strings.Trim(line, "[]")})
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && len(out) > 0 {
			last := &out[len(out)-1]
			last.settings = append(last.settings, [2]string{key, value})
		}
	}
	return out
}

func (f *facts) network(name string, s sectionOf) {
	switch s.name {
	case "Route":
		f.route(name, s.get("Destination"), s.get("Gateway"), s.get("Metric"), s.get("Table"), s.get("Scope"), s.get("Type"),
			s.get("PreferredSource"), s.get("MTUBytes"), s.get("GatewayOnLink"))
		return
	case "RoutingPolicyRule":
		f.rule(s.get("From"), s.get("To"), s.get("Table"), s.get("Priority"), s.get("FirewallMark"), s.get("TypeOfService"))
		return
	}
	for _, kv := range s.settings {
		key, value := kv[0], kv[1]
		switch s.name + "." + key {
		case "Match.Name":
			if value != name {
				f.add(name, "match name %s", value)
			}
		case "Match.PermanentMACAddress":
			f.add(name, "match mac %s", value)
		case "Match.Driver":
			for _, word := range strings.Fields(value) {
				f.add(name, "match driver %s", word)
			}
		case "Link.MTUBytes":
			f.add(name, "mtu %s", value)
		case "Link.MACAddress":
			f.add(name, "mac %s", value)
		case "Link.RequiredForOnline":
			f.add(name, "optional")
		case "Network.DHCP":
			if value != "ipv6" {
				f.add(name, "dhcp4 true")
			}
			if value != "ipv4" {
				f.add(name, "dhcp6 true")
			}
		case "Network.Address", "Address.Address":
			f.add(name, "address %s", value)
		case "Network.IPv6AcceptRA":
			f.add(name, "accept-ra %v", value == "yes")
		case "Network.Gateway":
			f.route(name, "", value, "", "", "", "", "", "", "")
		case "Network.DNS":
			f.add(name, "dns %s", value)
		case "Network.Domains":
			for _, word := range strings.Fields(strings.ToLower(value)) {
				f.add(name, "search %s", word)
			}
		case "Network.VLAN":
			f.add(value, "vlan link %s", name)
		case "Network.Bond":
			f.add(value, "bond member %s", name)
		case "Network.PrimarySlave":
			f.add(name, "is primary")
		case "Network.Bridge":
			f.add(value, "bridge member %s", name)
		case "Bridge.Cost", "Bridge.Priority":
			f.add(name, "port %s %s", strings.ToLower(key), value)
		case "DHCP.RouteMetric":
			f.add(name, "metric %s", value)
		}
	}
}

// bondNames are the schema's names of systemd's, for those that are an option.
var bondOptions = map[string]string{"MinLinks": "min_links", "AdSelect": "ad_select", "AllSlavesActive": "all_slaves_active", "ARPIntervalSec": "arp_interval",
	"ARPIPTargets": "arp_ip_target", "ARPValidate": "arp_validate", "ARPAllTargets": "arp_all_targets", "FailOverMACPolicy": "fail_over_mac", "GratuitousARP": "num_grat_arp",
	"PacketsPerSlave": "packets_per_slave", "PrimaryReselectPolicy": "primary_reselect", "ResendIGMP": "resend_igmp", "LearnPacketIntervalSec": "lp_interval"}

func (f *facts) netdev(name string, s sectionOf) {
	for _, kv := range s.settings {
		key, value := kv[0], kv[1]
		if d, err := time.ParseDuration(value); err == nil && strings.HasSuffix(key, "Sec") && value != "0" {
			value = fmt.Sprint(d.Milliseconds())
			if s.name == "Bridge" {
				value = fmt.Sprint(int(d.Seconds()))
			}
		}
		switch s.name + "." + key {
		case "NetDev.Kind":
			f.add(name, "is a %s", value)
		case "VLAN.Id":
			f.add(name, "vlan id %s", value)
		case "Bond.Mode":
			f.add(name, "bond mode %s", value)
		case "Bond.LACPTransmitRate":
			f.add(name, "bond lacp_rate %s", value)
		case "Bond.TransmitHashPolicy":
			f.add(name, "bond hash_policy %s", value)
		case "Bond.MIIMonitorSec":
			f.add(name, "bond mii_monitor %s", value)
		case "Bond.UpDelaySec":
			f.nonzero(name, "bond up_delay", value)
		case "Bond.DownDelaySec":
			f.nonzero(name, "bond down_delay", value)
		case "Bridge.STP":
			f.add(name, "bridge stp %s", value)
		case "Bridge.AgeingTimeSec":
			f.nonzero(name, "bridge ageing", value)
		case "Bridge.ForwardDelaySec":
			f.nonzero(name, "bridge forward_delay", value)
		case "Bridge.HelloTimeSec":
			f.nonzero(name, "bridge hello_time", value)
		case "Bridge.MaxAgeSec":
			f.nonzero(name, "bridge max_age", value)
		case "Bridge.Priority":
			f.nonzero(name, "bridge priority", value)
		default:
			if option := bondOptions[key]; option != "" && s.name == "Bond" {
				f.add(name, "bond %s %s", option, strings.ReplaceAll(value, " ", ","))
			} else if s.name == "Bond" || s.name == "Bridge" {
				f.add(name, "what is this? %s %s", key, value)
			}
		}
	}
}

// kernelDefaults adds what systemd leaves to the kernel, systemd.netdev(5).
func (f *facts) kernelDefaults(name, netdev string) {
	if strings.Contains(netdev, "\nKind=bond\n") && !strings.Contains(netdev, "\nMode=") {
		f.add(name, "bond mode balance-rr")
	}
	if strings.Contains(netdev, "\nKind=bridge\n") && !strings.Contains(netdev, "\nSTP=") {
		f.add(name, "bridge stp false")
	}
}

func (f *facts) nonzero(name, key, value string) {
	if value != "0" && value != "" {
		f.add(name, "%s %s", key, value)
	}
}

func (f *facts) route(name, to, via, metric, table, scope, kind, source, mtu, onLink string) {
	if a, err := netip.ParseAddr(via); to == "" || to == "default" {
		to = "0.0.0.0/0"
		if err == nil && a.Is6() {
			to = "::/0"
		}
	}
	if via == "" {
		onLink = "" // the kernel takes it with a next hop only (fib_check_nh)
	}
	if metric == "0" || metric == "-1" {
		metric = ""
	}
	f.add(name, "route to=%s via=%s metric=%s table=%s scope=%s type=%s src=%s mtu=%s onlink=%s", to, via, metric, table, scope, kind, source, mtu, onLink)
}

func (f *facts) rule(from, to, table, priority, mark, tos string) {
	single := func(s string) string {
		if a, err := netip.ParseAddr(s); err == nil {
			return netip.PrefixFrom(a, a.BitLen()).String()
		}
		return s
	}
	if table == "" {
		table = "254"
	}
	if tos == "0" { // any, as without it
		tos = ""
	}
	f.add("rule", "from=%s to=%s table=%s priority=%s mark=%s tos=%s", single(from), single(to), table, priority, mark, tos)
}

// planned returns what the translation says.
func planned(t *testing.T, text string) []string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	d := draft.New()
	netplan.Translate(d, doc.Content[0])
	for _, n := range d.Notes {
		if n.Refused {
			t.Errorf("refused: %s\n%s", n.Message, text)
		}
	}
	out, err := yaml.Marshal(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	l := config.Load(config.Document("test", out))
	for _, p := range l.Problems {
		if !p.Note {
			t.Errorf("%s\n%s\n%s", p, text, out)
		}
	}
	f := &facts{}
	for name, i := range l.Config.Network.Interfaces {
		f.ours(name, i)
	}
	for _, r := range l.Config.Network.Rules {
		f.rule(r.From, r.To, number(r.Table), number(r.Priority), number(r.Mark), number(r.TOS))
	}
	return f.lines
}

// number returns a number as text; "" for 0, which is not set.
func number(i int) string {
	if i == 0 {
		return ""
	}
	return strconv.Itoa(i)
}

func (f *facts) ours(name string, i config.Interface) {
	for _, m := range i.Match.Name {
		if m != "*" {
			f.add(name, "match name %s", m)
		}
	}
	for _, m := range i.Match.MAC {
		f.add(name, "match mac %s", m)
	}
	for _, m := range i.Match.Driver {
		f.add(name, "match driver %s", m)
	}
	f.nonzero(name, "mtu", number(i.MTU))
	f.nonzero(name, "mac", i.MAC)
	if i.Optional {
		f.add(name, "optional")
	}
	if i.DHCP != nil && *i.DHCP {
		f.add(name, "dhcp4 true")
	}
	if i.DHCP6 {
		f.add(name, "dhcp6 true")
	}
	if i.AcceptRA != nil {
		f.add(name, "accept-ra %v", *i.AcceptRA)
	}
	for _, a := range i.Addresses {
		f.add(name, "address %s", a)
	}
	for _, a := range i.DNS {
		f.add(name, "dns %s", a)
	}
	for _, a := range i.Search {
		f.add(name, "search %s", a)
	}
	f.nonzero(name, "metric", number(i.Metric))
	if i.Gateway != "" {
		f.route(name, "", i.Gateway, "", "", "", "", "", "", "")
	}
	for _, r := range i.Routes {
		scope, kind, onLink := r.Scope, r.Type, ""
		if scope == "global" {
			scope = ""
		}
		if r.OnLink {
			onLink = "true"
		}
		f.route(name, r.To, r.Via, number(r.Metric), number(r.Table), scope, kind, r.Source, number(r.MTU), onLink)
	}
	f.made(name, i)
}

func (f *facts) made(name string, i config.Interface) {
	if v := i.VLAN; v != nil {
		f.add(name, "is a vlan")
		f.add(name, "vlan id %d", v.ID)
		f.add(name, "vlan link %s", v.Link)
	}
	if b := i.Bond; b != nil {
		f.add(name, "is a bond")
		f.add(name, "bond mode %s", b.Mode)
		for _, m := range b.Members {
			f.add(name, "bond member %s", m)
		}
		if b.Primary != "" {
			f.add(b.Primary, "is primary")
		}
		f.add(name, "bond mii_monitor %d", b.MIIMonitor)
		f.nonzero(name, "bond up_delay", number(b.UpDelay))
		f.nonzero(name, "bond down_delay", number(b.DownDelay))
		f.nonzero(name, "bond lacp_rate", b.LACPRate)
		f.nonzero(name, "bond hash_policy", b.HashPolicy)
		for key, value := range b.Options {
			f.add(name, "bond %s %s", key, value)
		}
	}
	if b := i.Bridge; b != nil {
		f.add(name, "is a bridge")
		if b.STP == nil || *b.STP {
			f.add(name, "bridge stp true")
		} else {
			f.add(name, "bridge stp false")
		}
		for _, m := range b.Members {
			f.add(name, "bridge member %s", m)
			f.nonzero(m, "port cost", number(b.PathCost[m]))
			f.nonzero(m, "port priority", number(b.PortPriority[m]))
		}
		f.nonzero(name, "bridge ageing", number(b.Ageing))
		f.nonzero(name, "bridge forward_delay", number(b.ForwardDelay))
		f.nonzero(name, "bridge hello_time", number(b.HelloTime))
		f.nonzero(name, "bridge max_age", number(b.MaxAge))
		if b.Priority != nil {
			f.nonzero(name, "bridge priority", number(*b.Priority))
		}
	}
}
