package graph

import (
	"fmt"
	"sort"
	"strings"
)

// Explain says why an action differs from the recorded one: inputs changed, added or removed, and dependencies with
// other keys. Without a record it never ran. nil: no difference.
func Explain(last *Record, a *Action) []string {
	if last == nil {
		return []string{"never built here"}
	}
	var out []string
	now, before := values(a.Step.Inputs), values(last.Inputs)
	for _, name := range union(now, before) {
		out = append(out, difference(name, before, now)...)
	}
	deps := recordOf(a).Deps
	for _, name := range union(deps, last.Deps) {
		switch was, is := last.Deps[name], deps[name]; {
		case was == "":
			out = append(out, "now needs "+name)
		case is == "":
			out = append(out, "no longer needs "+name)
		case was != is:
			out = append(out, name+" is made again")
		}
	}
	if out == nil && last.Key != a.key {
		out = []string{"the cache format changed"}
	}
	return out
}

func difference(name string, before, now map[string]string) []string {
	was, had := before[name]
	is, has := now[name]
	switch {
	case !had:
		return []string{name + " is new"}
	case !has:
		return []string{name + " is gone"}
	case was != is:
		return []string{fmt.Sprintf("%s changed (%s, was %s)", name, short(is), short(was))}
	}
	return nil
}

// short truncates a digest, and any other value to what fits on a line.
func short(v string) string {
	switch {
	case len(v) >= 40 && strings.Trim(v, "0123456789abcdef") == "":
		return v[:10]
	case len(v) > 60:
		return "…" + v[len(v)-60:]
	}
	return v
}

func values(in []Input) map[string]string {
	m := map[string]string{}
	for _, i := range in {
		m[i.Name] = i.Value
	}
	return m
}

func union(a, b map[string]string) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}
