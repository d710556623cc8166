package netplan

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// reason says why a key has no effect, and what to do instead. Nothing is said of the value that is how it is here.
type reason struct{ same, why string }

func (why reason) say(r *reader, p draft.Pair) {
	value, _ := draft.String(p.Value)
	if on, ok := draft.Truth(p.Value); ok {
		value = map[bool]string{true: "true", false: "false"}[on]
	}
	if why.same == "" || !strings.EqualFold(value, why.same) {
		r.Note(p.At, "%s: %s", p.Key, why.why)
	}
}

const (
	offload = "what the hardware does for the kernel is left to its driver; ethtool in a container can change it"
	sriov   = "virtual functions of network cards are not made here; the SR-IOV operator of Kubernetes makes them"
	port    = "ports of bridges have the kernel's settings, except path-cost and port-priority"
)

// effectless are keys of devices without effect.
var effectless = map[string]reason{
	"auth":                           {"", "there is no IEEE 802.1X client for wired interfaces here; let the switch know the hardware address"},
	"critical":                       {"false", "addresses stay until the lease ends or the configuration changes; nothing else removes them"},
	"delay-virtual-functions-rebind": {"false", sriov},
	"dhcp-identifier":                {"mac", "the DHCP client is known by its hardware address; give the address out by that"},
	"embedded-switch-mode":           {"", sriov},
	"emit-lldp":                      {"false", "LLDP is not spoken here; a container with hostNetwork can (lldpd)"},
	"generic-receive-offload":        {"", offload},
	"generic-segmentation-offload":   {"", offload},
	"hairpin":                        {"false", port},
	"ignore-carrier":                 {"false", "an interface has its addresses while there is a cable"},
	"infiniband-mode":                {"", "InfiniBand is not supported"},
	"ipv6-address-generation":        {"eui64", "addresses from router advertisements end in the hardware address (EUI-64); list another one in addresses"},
	"ipv6-address-token":             {"", "addresses from router advertisements end in the hardware address; list the whole address in addresses"},
	"ipv6-mtu":                       {"", "there is one MTU for both families; use mtu"},
	"ipv6-privacy":                   {"false", "a node keeps its addresses, so that others find it"},
	"large-receive-offload":          {"", offload},
	"link":                           {"", sriov},
	"neigh-suppress":                 {"false", port},
	"networkmanager":                 {"", "NetworkManager is not here"},
	"openvswitch":                    {"", "Open vSwitch is not here; use bridges and bonds of the kernel"},
	"optional-addresses":             {"", "nothing waits for addresses at boot"},
	"port-mac-learning":              {"true", port},
	"ra-overrides":                   {"", "what router advertisements say is used, or with `accept-ra: false` nothing of it"},
	"receive-checksum-offload":       {"", offload},
	"tcp-segmentation-offload":       {"", offload},
	"tcp6-segmentation-offload":      {"", offload},
	"transmit-checksum-offload":      {"", offload},
	"virtual-function-count":         {"", sriov},
	"wakeonlan":                      {"false", "set it in the firmware; proa does not change it"},
	"wakeonwlan":                     {"default", "an adapter for Wi-Fi does not wake the machine here"},
}

// dhcpNotes are keys of the overrides of DHCP without effect.
var dhcpNotes = map[string]reason{
	"hostname":      {"", "the DHCP server is told the machine's name, which is `hostname` of the cloud-config"},
	"send-hostname": {"true", "the DHCP server is always told the machine's name"},
	"use-dns":       {"true", "servers from DHCP are used after those in nameservers; list three there and they are not"},
	"use-domains":   {"true", "domains from DHCP are searched after those in nameservers"},
	"use-hostname":  {"false", "the machine's name is `hostname` of the cloud-config, never the DHCP server's"},
	"use-mtu":       {"true", "an MTU from DHCP is used unless mtu is set"},
	"use-ntp":       {"true", "time servers from DHCP are used unless `ntp` lists others"},
}

// unwanted is the metric of a default route that any other one is preferred to.
const unwanted = 1 << 30

// overrides: of what DHCP says, the metric can be changed. Routes that are not wanted come after all others.
func (r *reader) overrides(dev *device, p draft.Pair) {
	if on, _ := draft.Truth(dev.value(strings.TrimSuffix(p.Key, "-overrides"))); !on {
		return // they are about DHCP, which is off
	}
	for _, key := range r.Pairs(p.Value) {
		why, named := dhcpNotes[key.Key]
		switch {
		case key.Key == "route-metric":
			dev.metric = key.Value
		case key.Key == "use-routes":
			if on, ok := draft.Truth(key.Value); ok && !on {
				dev.metric = draft.Int(key.Value, unwanted)
				r.Note(key.At, "use-routes: routes from DHCP are used if there are no others: they have the metric %d", unwanted)
			}
		case key.Key == "use-mtu" && dev.has("mtu"):
		case named:
			why.say(r, key)
		default:
			nic.Unknown(r.Draft, key.At, []string{"route-metric", "use-routes", "use-dns",
				"use-domains", "use-hostname", "use-mtu", "use-ntp", "send-hostname", "hostname"})
		}
	}
}
