package netplan

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// routeKeys are the keys of a route, with the schema's and how the value is put.
var routeKeys = map[string]struct {
	key string
	put func(*yaml.Node) *yaml.Node
}{
	"to": {"to", text}, "via": {"via", text}, "from": {"source", address}, "type": {"type", text}, "scope": {"scope", text},
	"on-link": {"on_link", nic.Bool}, "metric": {"metric", nic.Int}, "table": {"table", nic.Int}, "mtu": {"mtu", nic.Int},
}

const window = "windows and segment sizes are the kernel's choice here; use the route's mtu"

// routeNotes are keys of a route without effect.
var routeNotes = map[string]string{
	"congestion-window": window, "advertised-receive-window": window, "advertised-mss": window,
}

// routeTypes are the types that routes can have here; others are of no use on a node.
var routeTypes = []string{"unicast", "blackhole", "unreachable", "prohibit", "throw", "local"}

// hopless are types of routes that send nothing.
var hopless = []string{"blackhole", "unreachable", "prohibit", "throw"}

// text returns a scalar as text, trimmed, and anything else as it is, which the schema refuses.
func text(value *yaml.Node) *yaml.Node {
	if s, ok := draft.String(value); ok {
		return draft.Text(value, strings.TrimSpace(s))
	}
	return value
}

// address returns an address without the prefix length of a single one.
func address(value *yaml.Node) *yaml.Node {
	out := text(value)
	for _, single := range []string{"/32", "/128"} {
		out = draft.Text(value, strings.TrimSuffix(out.Value, single))
	}
	return out
}

func (r *reader) routes(dev *device, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if item.Kind != yaml.MappingNode {
			r.Refuse(item, "routes: want a list of routes: - to: NETWORK")
			continue
		}
		if route := r.route(item); route != nil {
			dev.Add(route, "routes")
		}
	}
}

// route returns a route; nil if it is of a type that is not made here. What has no next hop is on the link anyway.
func (r *reader) route(item *yaml.Node) *yaml.Node {
	route, pairs := draft.Map(item), r.Pairs(item)
	kind := ""
	if at := draft.Get(item, "type"); at != nil {
		kind = at.Value
	}
	hop := slices.ContainsFunc(pairs, func(p draft.Pair) bool { return p.Key == "via" })
	for _, p := range pairs {
		known, ok := routeKeys[p.Key]
		why, named := routeNotes[p.Key]
		switch {
		case draft.IsNull(p.Value), p.Key == "on-link" && !hop:
		case p.Key == "via" && slices.Contains(hopless, kind):
			r.Note(p.At, "via: a route of type %s sends nothing, and has no next hop", kind)
		case p.Key == "type" && !slices.Contains(routeTypes, p.Value.Value) && p.Value.Kind == yaml.ScalarNode:
			r.Note(p.At, "type: routes of this type are not made here; the route is left out")
			return nil
		case ok:
			draft.Put(route, known.put(p.Value), known.key)
		case named:
			r.Note(p.At, "%s: %s", p.Key, why)
		default:
			nic.Unknown(r.Draft, p.At, names(routeKeys, routeNotes))
		}
	}
	return route
}

// ruleKeys are the keys of a rule of routing-policy.
var ruleKeys = map[string]struct {
	key string
	put func(*yaml.Node) *yaml.Node
}{
	"from": {"from", network}, "to": {"to", network}, "table": {"table", nic.Int}, "priority": {"priority", nic.Int},
	"mark": {"mark", nic.Int}, "type-of-service": {"tos", nic.Int},
}

// network returns a network, also of a single address.
func network(value *yaml.Node) *yaml.Node {
	return draft.Text(value, nic.Single(text(value).Value))
}

// mainTable is where rules look without a table, as in systemd.network(5).
const mainTable = 254

// rules are of the machine here, not of a device.
func (r *reader) rules(_ *device, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if item.Kind != yaml.MappingNode {
			r.Refuse(item, "routing-policy: want a list of rules: - from: NETWORK")
			continue
		}
		rule := draft.Map(item)
		for _, key := range r.Pairs(item) {
			known, ok := ruleKeys[key.Key]
			if !ok {
				nic.Unknown(r.Draft, key.At, names(ruleKeys, routeNotes))
				continue
			}
			draft.Put(rule, known.put(key.Value), known.key)
		}
		r.addRule(item, rule)
	}
}

func (r *reader) addRule(item, rule *yaml.Node) {
	table := false
	for i := 0; i < len(rule.Content); i += 2 {
		table = table || rule.Content[i].Value == "table"
	}
	if !table {
		draft.Put(rule, draft.Int(item, mainTable), "table")
	}
	r.Append(rule, "network", "rules")
}

func names[V any](known map[string]V, notes map[string]string) (out []string) {
	for key := range known {
		out = append(out, key)
	}
	for key := range notes {
		out = append(out, key)
	}
	return out
}
