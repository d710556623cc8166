package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spelled is a key of the schema with a value, as a document has it and as the kernel's command line has it.
type spelled struct{ doc, line string }

// tried are values of which each kind of key takes one; with those that it refuses, it must refuse them in both forms.
var tried = []string{"x", "true", "7", "10m", "10.0.0.1", "10.0.0.0/24", "/srv/x", "ed25519", "Europe/Paris", "nocloud", "02:00:00:00:00:01", "server"}

// spellings returns both forms of every key below a type, with a value. doc puts braces around what stands below.
func spellings(typ reflect.Type, value, line string, doc func(string) string) (out []spelled) {
	switch typ.Kind() {
	case reflect.Struct:
		dot := map[bool]string{true: "", false: "."}[line == ""]
		for i := range typ.NumField() {
			name := typ.Field(i).Tag.Get("yaml")
			out = append(out, spellings(typ.Field(i).Type, value, line+dot+name, func(v string) string { return doc("{" + name + ": " + v + "}") })...)
		}
		return out
	case reflect.Pointer:
		return spellings(typ.Elem(), value, line, doc)
	case reflect.Map:
		for _, name := range []string{"eth0", "vm.swappiness", "example.org/a"} {
			out = append(out, spellings(typ.Elem(), value, line+"["+name+"]", func(v string) string { return doc("{" + name + ": " + v + "}") })...)
		}
		return out
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Struct {
			return spellings(typ.Elem(), value, line+"[0]", func(v string) string { return doc("[" + v + "]") })
		}
		return spellings(typ.Elem(), value, line, func(v string) string { return doc("[" + v + "]") })
	}
	return []spelled{{doc(value), line + "=" + value}}
}

// TestCommandLineHasEveryKey: every key of the schema, in lists and maps too, has on the kernel's command line the
// meaning that it has in a document.
func TestCommandLineHasEveryKey(t *testing.T) {
	keys, taken := map[string]bool{}, map[string]bool{}
	for _, value := range tried {
		for _, s := range spellings(reflect.TypeFor[Config](), value, "", func(v string) string { return v }) {
			key, _, _ := strings.Cut(s.line, "=")
			keys[key] = true
			want, _ := Parse("c.yaml", []byte(s.doc+"\n"))
			l := Load(CommandLine(s.line))
			if d := cmp.Diff(want, l.Config); d != "" {
				t.Errorf("%s is not\n%s\n%s", s.line, s.doc, d)
			}
			for _, p := range l.Problems {
				if strings.Contains(p.Message, "unknown key") || strings.Contains(p.Message, "KEY[") {
					t.Errorf("%s: %s", s.line, p)
				}
			}
			taken[key] = taken[key] || !reflect.DeepEqual(l.Config, Default())
		}
	}
	if len(keys) < 100 {
		t.Fatalf("only %d keys: the schema is not walked", len(keys))
	}
	n := 0
	for _, ok := range taken {
		if ok {
			n++
		}
	}
	if t.Logf("%d keys, %d of them with a value that they take alone", len(keys), n); n < len(keys)/2 {
		t.Errorf("only %d keys of %d take a value", n, len(keys))
	}
}

// TestWordsOfOthers: the word by which cloud-init and Kairos name the address of a configuration has the key's effect,
// and its errors name the key.
func TestWordsOfOthers(t *testing.T) {
	const url = "https://example.org/edge.yaml"
	for line, want := range map[string]string{"quiet cloud-config-url=" + url: url, "config_url=" + url + " ro": url, "config.url=" + url: url,
		"cloud-config-url=" + url + " config.url=https://example.org/b": "https://example.org/b", "cloud-config-url=/dev/null": "", "my_config_url=" + url: ""} {
		l := Load(CommandLine(line))
		if got := l.Config.Remote.URL; got != want || Errors(l.Problems) > 0 != strings.Contains(line, "/dev/null") {
			t.Errorf("%s: url %q, %v", line, got, l.Problems)
		}
	}
}
