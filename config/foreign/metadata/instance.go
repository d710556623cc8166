package metadata

import (
	"path"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Instance returns what templates of user data know of a machine by the file that describes it: ds.meta_data, which is
// all of it, and v1, which has the same names in all clouds (cloud-init's instance-data.json). It returns nil for any
// other file.
func Instance(file string, text []byte) map[string]any {
	if !slices.Contains([]string{"meta-data", "meta_data.json"}, path.Base(file)) {
		return nil
	}
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	all, ok := plain(draft.New(), doc.Content[0], 0).(map[string]any)
	if !ok {
		return nil
	}
	v1 := map[string]any{}
	for name, keys := range standard {
		for _, key := range keys {
			if v, ok := all[key]; ok && v1[name] == nil {
				v1[name] = v
			}
		}
	}
	return map[string]any{"ds": map[string]any{"meta_data": all}, "v1": v1}
}

// standard are keys of v1, and the keys of meta-data that have their values.
var standard = map[string][]string{"instance_id": {"instance-id", "instance_id", "uuid"}, "local_hostname": {"local-hostname", "local_hostname", "hostname"},
	"public_ssh_keys": {"public-keys", "public_keys"}, "region": {"region"}, "availability_zone": {"availability-zone", "availability_zone"},
	"cloud_name": {"cloud-name", "cloud_name"}, "platform": {"platform"}, "machine": {"machine"}}

// maxDepth: real descriptions are not this deep.
const maxDepth = 20

// plain returns a value as templates know it: numbers, booleans and texts, lists, and maps by texts.
func plain(d *draft.Draft, n *yaml.Node, depth int) any {
	n = draft.Resolved(n)
	switch {
	case n == nil || draft.IsNull(n) || depth > maxDepth:
		return nil
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		for _, item := range d.Items(n) {
			out = append(out, plain(d, item, depth+1))
		}
		return out
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		for _, p := range d.Pairs(n) {
			out[p.Key] = plain(d, p.Value, depth+1)
		}
		return out
	}
	text, _ := draft.String(n)
	number, err := strconv.ParseFloat(text, 64)
	switch tag := n.ShortTag(); {
	case tag == "!!bool":
		truth, _ := draft.Truth(n)
		return truth
	case err == nil && (tag == "!!int" || tag == "!!float"):
		return number
	}
	return text
}
