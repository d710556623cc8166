package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proa-os/proa/config/k3sflags"
)

const flagsIntro = `
## Flags of the runtime

` + "`k3s.args`" + ` takes these, each as ` + "`--flag=value`" + `. They are K3s's names; a flag that is marked as a list may be given several times. A flag that is not
here is reported and ignored. ` + "`--config`" + ` has no effect there: the runtime's own file is written from this document.

| flag | value | default | meaning |
|---|---|---|---|
`

// flags lists the flags that k3s.args accepts, and K3s's flags that are not supported.
func flags() string {
	var b strings.Builder
	b.WriteString(flagsIntro)
	for _, f := range k3sflags.All() {
		if f.Name != "config" {
			fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", f.Name, flagValue(f), code(f.Default), f.Help)
		}
	}
	fmt.Fprintf(&b, "\nAccepted, and always in effect: %s.\n", code(strings.Join(k3sflags.AllGranted(), "`, `")))
	b.WriteString("\nFlags of K3s that are not supported:\n\n| flag | instead |\n|---|---|\n")
	instead := k3sflags.AllInstead()
	for _, name := range slices.Sorted(maps.Keys(instead)) {
		fmt.Fprintf(&b, "| `--%s` | %s |\n", name, instead[name])
	}
	return b.String()
}

func flagValue(f k3sflags.Flag) string {
	value := f.Arg
	switch {
	case f.Type == "bool":
		value = "true/false"
	case f.Arg == "":
		value = "word"
	}
	if f.List() {
		value += ", list"
	}
	return value
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
