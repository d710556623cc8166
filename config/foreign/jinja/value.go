package jinja

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// undefined is the value of a variable that does not exist, by its name.
type undefined string

// variable looks a name up. Keys of the standardised versions of instance data (v1) are variables too.
func (r *renderer) variable(name string) any {
	for i := len(r.scope) - 1; i >= 0; i-- {
		if v, ok := lookup(r.scope[i], name); ok {
			return v
		}
	}
	if v1, ok := r.scope[0]["v1"].(map[string]any); ok {
		if v, ok := lookup(v1, name); ok {
			return v
		}
	}
	return undefined(name)
}

// lookup finds a key. A hyphen in one is written as an underscore in templates.
func lookup(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.ReplaceAll(k, "-", "_") == name {
			return v, true
		}
	}
	return nil, false
}

// index is an attribute, or the value of a key, or an element of a list.
func index(v any, args []any) (any, error) {
	name := written(args[0])
	switch v := v.(type) {
	case map[string]any:
		if value, ok := lookup(v, name); ok {
			return value, nil
		}
	case []any:
		n, err := strconv.Atoi(name)
		if n < 0 {
			n += len(v)
		}
		if err == nil && n >= 0 && n < len(v) {
			return v[n], nil
		}
	case undefined:
		return v + undefined("."+name), nil
	}
	return undefined(name), nil
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	}
	return len(elements(v)) > 0
}

// elements are those of a list, the keys of a map, or the characters of a string.
func elements(v any) (out []any) {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			out = append(out, k)
		}
	case string:
		for _, r := range v {
			out = append(out, string(r))
		}
	}
	return out
}

// written is a value as a template prints it, which for lists and maps is Python's form, and YAML's too.
func written(v any) string {
	switch v := v.(type) {
	case undefined:
		return Missing + "/" + string(v)
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case []any:
		parts := []string{}
		for _, e := range v {
			parts = append(parts, quoted(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := []string{}
		for _, k := range elements(v) {
			parts = append(parts, quoted(k)+": "+quoted(v[k.(string)]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return written(v)
}

func compared(a, b any, op string) bool {
	switch op {
	case "==":
		return same(a, b)
	case "!=":
		return !same(a, b)
	case "in":
		if s, ok := b.(string); ok {
			return strings.Contains(s, written(a))
		}
		return slices.ContainsFunc(elements(b), func(e any) bool { return same(e, a) })
	}
	x, y := order(a, b)
	return map[string]bool{"<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[op]
}

func same(a, b any) bool {
	_, none := a.(undefined)
	_, neither := b.(undefined)
	return none == neither && written(a) == written(b)
}

// order returns two numbers in the order of two values, which are numbers or strings.
func order(a, b any) (x, y float64) {
	n, ok := a.(float64)
	m, both := b.(float64)
	if ok && both {
		return n, m
	}
	return float64(strings.Compare(written(a), written(b))), 0
}

func added(a, b any, op string) (any, error) {
	n, ok := a.(float64)
	m, both := b.(float64)
	list, isList := a.([]any)
	other, areLists := b.([]any)
	switch {
	case op == "~":
		return bounded(written(a) + written(b))
	case ok && both && op == "+":
		return n + m, nil
	case ok && both:
		return n - m, nil
	case isList && areLists && op == "+" && len(list)+len(other) < maxSteps:
		return slices.Concat(list, other), nil
	case op == "+":
		return bounded(written(a) + written(b))
	}
	return nil, errors.New("a difference of values that are no numbers")
}

// bounded refuses a text that has grown too large.
func bounded(s string) (any, error) {
	if len(s) > maxSize {
		return nil, errors.New("a value that has grown too large")
	}
	return s, nil
}
