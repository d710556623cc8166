package schema

import (
	"fmt"
	"strconv"
	"strings"
)

const intro = `# Configuration reference

Generated from the structs of package config; change it there. The document is ` + "`config.yaml`" + ` on the boot partition. Every key can also be set on the kernel
command line, which takes precedence: dots nest (` + "`k3s.role=agent`" + `), a repeated key makes a list, ` + "`sysctls[vm.swappiness]=10`" + ` sets an entry of a map, a key
alone means true, double quotes keep spaces. Every program on the machine, pods too, can read that command line: put secrets into the file.

A key that is unknown or has an invalid value is reported with line and column, on the console and by ` + "`proa status`" + `, and ignored; the rest takes effect.
White space at the ends of a value, including line breaks and invisible characters, is removed, except in the content of a file; in a network's
name and passphrase spaces are kept. The file may be UTF-8, or UTF-16, which Windows calls "Unicode".

`

// reference writes one table row per key, nested keys with their full path.
func reference(t Types) string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	rows(&b, t, root, "")
	b.WriteString(flags())
	return b.String()
}

func rows(b *strings.Builder, t Types, name, prefix string) {
	for _, k := range t[name] {
		path := prefix + k.Name
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", path, typeText(k), k.Tag.Get("default"), meaning(k))
		switch k.Type {
		case "list":
			rows(b, t, k.Elem, path+"[].")
		case "map":
			rows(b, t, k.Elem, path+".NAME.")
		default:
			rows(b, t, k.Type, path+".")
		}
	}
}

func typeText(k Key) string {
	words := map[string]string{"int": "number", "bool": "true/false"}
	text := func(s string) string {
		switch {
		case words[s] != "":
			return words[s]
		case s != "string":
			return "keys"
		}
		return s
	}
	switch k.Type {
	case "list":
		return "list of " + text(k.Elem)
	case "map":
		return "map of " + text(k.Elem)
	}
	return text(k.Type)
}

func meaning(k Key) string {
	out := k.Doc
	if values := enum(k); len(values) > 1 {
		out += " One of: " + strings.Join(values, ", ") + "."
	}
	if strings.Contains(k.Tag.Get("check"), "required") {
		out += " Required."
	}
	if k.Tag.Get("secret") == "true" {
		out += " Secret: never printed."
	}
	return strings.ReplaceAll(out, "|", "\\|")
}

func enum(k Key) (values []string) {
	for _, v := range strings.Split(k.Tag.Get("enum"), ",") {
		if v != "" {
			values = append(values, v)
		}
	}
	return values
}

// example writes every key once, commented out if the default is enough.
func example(t Types) string {
	var b strings.Builder
	b.WriteString("# Every key that proa knows. Generated from the structs of package config.\n")
	for _, k := range t[root] {
		fmt.Fprintf(&b, "\n# %s\n", k.Doc)
		exampleKey(&b, t, k, "")
	}
	return b.String()
}

func exampleKey(b *strings.Builder, t Types, k Key, indent string) {
	switch k.Type {
	case "list":
		if _, ok := t[k.Elem]; !ok && k.Example == "" {
			fmt.Fprintf(b, "%s%s: []\n", indent, k.Name)
			return
		}
		fmt.Fprintf(b, "%s%s:\n", indent, k.Name)
		if _, ok := t[k.Elem]; !ok {
			fmt.Fprintf(b, "%s  - %s\n", indent, k.Example)
			return
		}
		var item strings.Builder
		exampleKeys(&item, t, k.Elem, indent+"    ")
		b.WriteString(indent + "  - " + strings.TrimPrefix(item.String(), indent+"    "))
	case "map":
		fmt.Fprintf(b, "%s%s:\n", indent, k.Name)
		if _, ok := t[k.Elem]; !ok {
			name, value, _ := strings.Cut(k.Example, "=")
			if k.Elem == "string" {
				value = strconv.Quote(value)
			}
			fmt.Fprintf(b, "%s  %s: %s\n", indent, name, value)
			return
		}
		fmt.Fprintf(b, "%s  %s:\n", indent, k.Example)
		exampleKeys(b, t, k.Elem, indent+"    ")
		for _, other := range t[k.Elem] {
			if name := other.Tag.Get(own); name != "" {
				fmt.Fprintf(b, "%s  %s:\n", indent, name)
				exampleKey(b, t, other, indent+"    ")
			}
		}
	case "string", "int", "bool":
		fmt.Fprintf(b, "%s%s: %s\n", indent, k.Name, scalar(k))
	default:
		fmt.Fprintf(b, "%s%s:\n", indent, k.Name)
		exampleKeys(b, t, k.Type, indent+"  ")
	}
}

// own is the tag of a key of a map's entries that excludes others: the example has an entry of this name for it.
const own = "own"

// excluded is the example of a key that another key of the example excludes.
const excluded = "-"

func exampleKeys(b *strings.Builder, t Types, name, indent string) {
	for _, k := range t[name] {
		if k.Tag.Get(own) == "" && k.Example != excluded {
			exampleKey(b, t, k, indent)
		}
	}
}

func scalar(k Key) string {
	value := k.Example
	if value == "" {
		value = k.Tag.Get("default")
	}
	if value == "" && len(enum(k)) > 0 {
		value = enum(k)[0]
	}
	if k.Type == "int" && value == "" {
		value = "0"
	}
	if k.Type == "string" && (value == "" || strings.ContainsAny(value, ":#{}[],&*!|>'\"%@`") || value[0] == '0') {
		return fmt.Sprintf("%q", value)
	}
	return value
}
