package k3os

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

// installFields are the keys below install. Those of the same name mean the same here.
var installFields = field.Known{"device": "", "silent": "", "power_off": "", "config_url": "",
	"iso_url":   "the installer writes the system of the ISO that was started",
	"force_efi": "a disk is always written for both UEFI and BIOS",
	"no_format": "the installer makes proa's own partitions on a whole disk; install.data keeps the data of a proa that is there",
	"debug":     "proa logs install has what the installer did",
	"tty":       "the consoles of the image are those of its board"}

func install(r reader, p draft.Pair) {
	f := (field.Reader{Draft: r.Draft}).Fields(snaked(p.Value), "install", installFields)
	for _, key := range []string{"device", "config_url"} {
		if v, ok := f[key]; ok {
			(field.Reader{Draft: r.Draft}).Text(v, "install", key)
		}
	}
	for _, key := range []string{"silent", "power_off"} {
		v, ok := f[key]
		if !ok {
			continue
		}
		on, known := draft.Truth(v.Value)
		switch {
		case !known:
			r.Refuse(v.Value, "install: %s: want true or false", key)
		case on && key == "silent":
			r.Note(v.At, "install: silent: a disk with something on it is left alone, unless install.force is true")
			fallthrough
		default:
			r.Set(draft.Bool(v.Value, on), "install", key)
		}
	}
}

// snaked copies a mapping with its keys in snake case.
func snaked(n *yaml.Node) *yaml.Node {
	n = draft.Resolved(n)
	if n.Kind != yaml.MappingNode {
		return n
	}
	out := *n
	out.Content = slices.Clone(n.Content)
	for i := 0; i+1 < len(out.Content); i += 2 {
		key := *out.Content[i]
		key.Value = snake(key.Value)
		out.Content[i] = &key
	}
	return &out
}
