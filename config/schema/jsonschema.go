package schema

import (
	"encoding/json"
	"strconv"
	"strings"
)

type object map[string]any

// jsonSchema is for editors; the device's own checks are stricter.
func jsonSchema(t Types) ([]byte, error) {
	o := objectOf(t, root)
	o["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	o["title"] = "proa configuration, version 1"
	b, err := json.MarshalIndent(o, "", "  ")
	return append(b, '\n'), err
}

func objectOf(t Types, name string) object {
	props, required := object{}, []string{}
	for _, k := range t[name] {
		p := kind(t, k.Type, k)
		p["description"] = k.Doc
		props[k.Name] = p
		if strings.Contains(k.Tag.Get("check"), "required") {
			required = append(required, k.Name)
		}
	}
	o := object{"type": "object", "additionalProperties": false, "properties": props}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func kind(t Types, name string, k Key) object {
	switch name {
	case "string":
		o := object{"type": []string{"string", "number"}}
		if values := enum(k); len(values) > 1 {
			o = object{"enum": append(values, "")}
		}
		return o
	case "int":
		o := object{"type": "integer"}
		if values := enum(k); len(values) > 0 {
			o["enum"] = numbers(values)
		}
		return o
	case "bool":
		return object{"type": "boolean"}
	case "list":
		o := object{"type": "array", "items": kind(t, k.Elem, Key{})}
		if most, err := strconv.Atoi(k.Tag.Get("most")); err == nil {
			o["maxItems"] = most
		}
		return o
	case "map":
		elem := kind(t, k.Elem, Key{})
		if k.Elem == "string" {
			elem = object{"type": []string{"string", "number", "boolean"}}
		}
		return object{"type": "object", "additionalProperties": elem}
	}
	return objectOf(t, name)
}

func numbers(values []string) (out []int) {
	for _, v := range values {
		if n, err := strconv.Atoi(v); err == nil {
			out = append(out, n)
		}
	}
	return out
}
