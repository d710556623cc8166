package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/rule"
)

// check cleans a value and applies a field's enum and check tags. An empty value means that there is none, which is for the field to allow.
func (d *decoder) check(n *yaml.Node, value string, tag reflect.StructTag, name string) (string, bool) {
	value = trim(value, tag)
	words := strings.Split(tag.Get("check"), ",")
	if enum, ok := tag.Lookup("enum"); ok {
		if allowed := strings.Split(enum, ","); !slices.Contains(allowed, value) {
			d.bad(n, "%s: want %s%s", name, oneOf(value, allowed), rule.Hidden(value))
			return "", false
		}
	}
	for _, word := range words {
		r, ok := rule.Of(word)
		if !ok || value == "" && !slices.Contains(words, "required") {
			continue
		}
		if r.Clean != nil {
			value = r.Clean(value)
		}
		if want := r.Judge(value); want != "" {
			d.bad(n, "%s: want %s%s", name, want, rule.Hidden(value))
			return "", false
		}
	}
	return value, true
}

// trim takes away what an editor, a block scalar or a copied line leaves at a value's ends. Of a network's name and passphrase spaces are a
// part, line breaks are not; the content of a file stays as it is.
func trim(value string, tag reflect.StructTag) string {
	switch tag.Get("trim") {
	case "nothing":
		return value
	case "breaks":
		return strings.Trim(value, "\r\n\uFEFF")
	}
	return strings.TrimFunc(value, rule.Invisible)
}

func oneOf(value string, allowed []string) string {
	allowed = slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	msg := strings.Join(allowed, ", ")
	if len(allowed) > 1 {
		msg = "one of " + msg
	}
	if n := Nearest(value, allowed); n != "" {
		msg += fmt.Sprintf("; did you mean %q?", n)
	}
	return msg
}
