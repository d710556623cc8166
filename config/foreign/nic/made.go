package nic

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/rule"
)

// BondModes are the modes by the numbers that the kernel's bonding driver has for them (bonding.rst).
var BondModes = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// bondKeys are the parameters of the kernel's bonding driver that have a key of their own in the schema.
var bondKeys = map[string]func(n *NIC, value *yaml.Node){
	"mode":             (*NIC).mode,
	"miimon":           milliseconds("mii_monitor"),
	"updelay":          milliseconds("up_delay"),
	"downdelay":        milliseconds("down_delay"),
	"lacp_rate":        (*NIC).lacpRate,
	"xmit_hash_policy": func(n *NIC, value *yaml.Node) { n.Text(value, "bond", "hash_policy") },
}

// bondTimes are the driver's parameters that are times, with their unit.
var bondTimes = map[string]time.Duration{"arp_interval": time.Millisecond, "lp_interval": time.Second, "peer_notif_delay": time.Millisecond}

// BondParameters are the names of parameters that BondParameter knows, without primary, which names an interface.
func BondParameters() []string {
	return append(slices.Clone(rule.BondOptions), slices.Sorted(maps.Keys(bondKeys))...)
}

// BondParameter sets a parameter by the kernel's name; false if there is none of that name.
func (n *NIC) BondParameter(name string, value *yaml.Node) bool {
	if set := bondKeys[name]; set != nil {
		set(n, value)
		return true
	}
	if name == "active_slave" { // a state that the kernel has, and no setting
		n.Note(value, "active_slave: the kernel chooses the member that sends; the bond's primary says which one is preferred")
		return true
	}
	known := slices.Contains(rule.BondOptions, name)
	if known {
		n.Put(n.option(value, bondTimes[name]), "bond", "options", name)
	}
	return known
}

// option returns the value of a parameter as the kernel's driver takes it: lists are separated by commas, and switches
// are numbers.
func (n *NIC) option(value *yaml.Node, unit time.Duration) *yaml.Node {
	if unit != 0 {
		span := Span(value, unit, unit)
		return draft.Text(value, span.Value)
	}
	var words []string
	for _, item := range n.Items(value) {
		text, _ := n.Scalar(item)
		words = append(words, strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	text := strings.Join(words, ",")
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		text = "1"
	case "false", "no", "off":
		text = "0"
	}
	return draft.Text(value, text)
}

func milliseconds(key string) func(*NIC, *yaml.Node) {
	return func(n *NIC, value *yaml.Node) { n.Put(Span(value, time.Millisecond, time.Millisecond), "bond", key) }
}

func (n *NIC) mode(value *yaml.Node) {
	if i, ok := draft.Number(value); ok && i >= 0 && i < len(BondModes) {
		value = draft.Text(value, BondModes[i])
	}
	n.Text(value, "bond", "mode")
}

func (n *NIC) lacpRate(value *yaml.Node) {
	if i, ok := draft.Number(value); ok && (i == 0 || i == 1) {
		value = draft.Text(value, []string{"slow", "fast"}[i])
	}
	n.Text(value, "bond", "lacp_rate")
}
