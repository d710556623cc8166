package plan

import (
	"fmt"
	"strings"

	"github.com/proa-os/proa/build/graph"
)

// Summary describes a step in one line: its dependencies, and the number of inputs of each sort.
func Summary(a *graph.Action) string {
	var parts []string
	if len(a.Deps) > 0 {
		var needs []string
		for _, d := range a.Deps {
			needs = append(needs, d.Name)
		}
		parts = append(parts, "needs "+strings.Join(needs, " "))
	}
	count := map[string]int{}
	for _, in := range a.Step.Inputs {
		count[sort(in.Name)]++
	}
	for _, s := range []string{"package", "file"} {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", n, s, map[bool]string{true: "s"}[n > 1]))
		}
	}
	return strings.Join(parts, "; ")
}

// sort returns the sort of an input: recipes name packages "package X", and files by their path.
func sort(name string) string {
	switch {
	case strings.HasPrefix(name, "package "):
		return "package"
	case strings.Contains(name, " "):
		return "other"
	case strings.ContainsAny(name, "/."):
		return "file"
	}
	return "other"
}
