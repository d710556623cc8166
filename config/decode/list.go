package decode

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/rule"
)

// list decodes the valid entries. An invalid entry of write_files does not affect the others. Of a list whose tag is
// partial, an entry with an error keeps its valid keys: an account whose shell is wrong keeps its SSH keys.
func (d *decoder) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "%s: want a list, found %s%s", name, describe(n), rule.Hidden(strings.SplitN(n.Value, "\n", 2)[0]))
		return
	}
	out, ids := reflect.MakeSlice(v.Type(), 0, len(n.Content)), map[string]bool{}
	for i, item := range entries(n.Content, tag) {
		if d.values > maxValues {
			return // and keep the previous value: half a list is not what the user wrote
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaultsOf(e)
		before, place := d.found, fmt.Sprintf("%s[%d]", name, i)
		d.below(nil, item, e, entryTag(tag), place)
		if sound := d.found == before || tag.Get("partial") == "true" && complete(e); sound && d.first(item, e, tag, ids, place) {
			out = reflect.Append(out, e)
		}
	}
	v.Set(out.Slice(0, d.most(n, out.Len(), tag, name)))
	d.took(n)
}

// complete says whether a struct has all values that are required.
func complete(v reflect.Value) bool {
	for i := range v.NumField() {
		if has(v.Type().Field(i).Tag, "required") && v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// most returns how many of the entries of a list are used, and reports the others.
func (d *decoder) most(n *yaml.Node, entries int, tag reflect.StructTag, name string) int {
	limit, err := strconv.Atoi(tag.Get("most"))
	if err != nil || entries <= limit {
		return entries
	}
	d.bad(n, "%s: at most %d entries are used; the last %d are left out", name, limit, entries-limit)
	return limit
}

// entries splits items that contain several entries.
func entries(items []*yaml.Node, tag reflect.StructTag) (out []*yaml.Node) {
	r, _ := rule.Of(tag.Get("check"))
	for _, item := range items {
		if r.Split == nil || item.Kind != yaml.ScalarNode {
			out = append(out, item)
			continue
		}
		for _, part := range r.Split(item.Value) {
			one := *item
			one.Value = part
			out = append(out, &one)
		}
	}
	return out
}

// first reports an entry that contradicts an earlier one about the same thing.
func (d *decoder) first(n *yaml.Node, e reflect.Value, tag reflect.StructTag, ids map[string]bool, name string) bool {
	r, _ := rule.Of(tag.Get("check"))
	if r.ID == nil {
		return true
	}
	id := r.ID(e.String())
	if ids[id] {
		d.bad(n, "%s: an earlier entry has the same key and effect", name)
		return false
	}
	ids[id] = true
	return true
}

// entryTag: an entry of a list is never empty.
func entryTag(tag reflect.StructTag) reflect.StructTag {
	return reflect.StructTag(fmt.Sprintf("check:%q", tag.Get("check")+",required"))
}
