package jinja

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// tests are what may follow is.
var tests = map[string]func(any) bool{
	"defined":   func(v any) bool { _, ok := v.(undefined); return !ok },
	"undefined": func(v any) bool { _, ok := v.(undefined); return ok },
	"none":      func(v any) bool { return v == nil },
	"string":    func(v any) bool { _, ok := v.(string); return ok },
	"number":    func(v any) bool { _, ok := v.(float64); return ok },
	"mapping":   func(v any) bool { _, ok := v.(map[string]any); return ok },
	"sequence":  func(v any) bool { _, ok := v.([]any); return ok },
	"iterable":  func(v any) bool { return elements(v) != nil },
	"true":      func(v any) bool { return v == true },
	"false":     func(v any) bool { return v == false },
}

// function is a filter or a method.
type function = func(v any, args []any) (any, error)

func ofText(f func(string) string) function {
	return func(v any, _ []any) (any, error) {
		if _, none := v.(undefined); none {
			return v, nil
		}
		return f(written(v)), nil
	}
}

func ofList(f func([]any) any) function {
	return func(v any, _ []any) (any, error) {
		if _, none := v.(undefined); none {
			return v, nil
		}
		return f(elements(v)), nil
	}
}

var filters = map[string]function{
	"default": orDefault, "d": orDefault, "lower": ofText(strings.ToLower), "upper": ofText(strings.ToUpper), "trim": ofText(strings.TrimSpace),
	"capitalize": ofText(func(s string) string {
		return strings.ToUpper(s[:min(1, len(s))]) + strings.ToLower(s[min(1, len(s)):])
	}),
	"string": ofText(func(s string) string { return s }), "replace": replaced, "join": joined, "int": number,
	"first":  ofList(func(l []any) any { return at(l, 0) }),
	"last":   ofList(func(l []any) any { return at(l, len(l)-1) }),
	"length": ofList(func(l []any) any { return float64(len(l)) }), "count": ofList(func(l []any) any { return float64(len(l)) }),
	"list": ofList(func(l []any) any { return l }),
	"sort": ofList(func(l []any) any {
		return slices.SortedFunc(slices.Values(l), func(a, b any) int { x, y := order(a, b); return cmp.Compare(x, y) })
	}),
	"tojson": func(v any, _ []any) (any, error) { text, err := json.Marshal(v); return string(text), err },
}

var methods = map[string]function{
	"lower": ofText(strings.ToLower), "upper": ofText(strings.ToUpper), "strip": ofText(strings.TrimSpace), "replace": replaced, "split": divided,
	"startswith": func(v any, args []any) (any, error) { return strings.HasPrefix(written(v), written(arg(args, 0))), nil },
	"endswith":   func(v any, args []any) (any, error) { return strings.HasSuffix(written(v), written(arg(args, 0))), nil },
	"get": func(v any, args []any) (any, error) {
		if m, ok := v.(map[string]any); ok {
			if value, ok := lookup(m, written(arg(args, 0))); ok {
				return value, nil
			}
		}
		return arg(args, 1), nil
	},
	"keys": ofList(func(l []any) any { return l }),
	"values": func(v any, _ []any) (any, error) {
		m, _ := v.(map[string]any)
		out := []any{}
		for _, k := range elements(v) {
			out = append(out, m[k.(string)])
		}
		return out, nil
	},
	"items": func(v any, _ []any) (any, error) {
		m, _ := v.(map[string]any)
		out := []any{}
		for k := range m {
			out = append(out, []any{k, m[k]})
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(written(a.([]any)[0]), written(b.([]any)[0])) })
		return out, nil
	},
}

// arg returns an argument; none if it is missing.
func arg(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return nil
}

func at(l []any, i int) any {
	if i < 0 || i >= len(l) {
		return undefined("element")
	}
	return l[i]
}

// orDefault: with a true second argument also what is false gets the default.
func orDefault(v any, args []any) (any, error) {
	_, none := v.(undefined)
	if none || truth(arg(args, 1)) && !truth(v) {
		if len(args) == 0 {
			return "", nil
		}
		return args[0], nil
	}
	return v, nil
}

func replaced(v any, args []any) (any, error) {
	if _, none := v.(undefined); none {
		return v, nil
	}
	s, old, new := written(v), written(arg(args, 0)), written(arg(args, 1))
	if len(new) > 0 && strings.Count(s, old) > maxSize/len(new) {
		return nil, errors.New("a value that has grown too large")
	}
	return bounded(strings.ReplaceAll(s, old, new))
}

func joined(v any, args []any) (any, error) {
	if _, none := v.(undefined); none {
		return v, nil
	}
	separator, size := "", 0
	if len(args) > 0 {
		separator = written(args[0])
	}
	var parts []string
	for _, e := range elements(v) {
		s := written(e)
		if size += len(s) + len(separator); size > maxSize {
			return nil, errors.New("a value that has grown too large")
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, separator), nil
}

func divided(v any, args []any) (any, error) {
	parts := strings.Fields(written(v))
	if len(args) > 0 {
		parts = strings.Split(written(v), written(args[0]))
	}
	out := []any{}
	for _, p := range parts {
		out = append(out, p)
	}
	return out, nil
}

func number(v any, args []any) (any, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(written(v)), 64)
	switch {
	case err == nil && n > -1e15 && n < 1e15:
		return float64(int64(n)), nil
	case len(args) > 0:
		return args[0], nil
	}
	return float64(0), nil
}
