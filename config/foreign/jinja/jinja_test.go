package jinja

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config/foreign/foreigntest/cputime"
)

// instance is what cloud-init has of a machine, in its form.
const instance = `{"v1": {"local_hostname": "box", "instance-id": "i-1", "region": "eu-1", "cloud_name": "aws"},
 "ds": {"meta_data": {"public-keys": ["k1", "k2"], "tags": {"role": "agent", "n": 3}, "empty": [], "tpm": null}}}`

func vars(t testing.TB) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(instance), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// rendered has templates and what jinja2 3.1 makes of them, with trim_blocks and cloud-init's variables.
var rendered = [][2]string{
	{"a {{ v1.local_hostname }} b", "a box b"},
	{"{{ local_hostname }}/{{ v1['region'] }}/{{ v1.instance_id }}", "box/eu-1/i-1"},
	{"{{ ds.meta_data.public_keys | join(',') }} {{ ds.meta_data.public_keys[1] }} {{ ds.meta_data.public_keys[-1] }}", "k1,k2 k2 k2"},
	{"{{ ds.meta_data.tags.n + 1 }} {{ 'a' ~ 1 }} {{ 5 - 2 }}", "4 a1 3"},
	{"{{ nope | default('x') }} {{ v1.region | d('y') | upper }} {{ '' | default('z', true) }}", "x EU-1 z"},
	{"{{ v1.region.split('-')[0] }} {{ v1.region.replace('-', '_') }} {{ v1.region.startswith('eu') }}", "eu eu_1 True"},
	{"{% if v1.region == 'eu-1' %}\nyes\n{% elif x %}\nmaybe\n{% else %}\nno\n{% endif %}\nend", "yes\nend"},
	{"{% if nope is defined and nope.x or v1.cloud_name in ['aws', 'gce'] %}a{% endif %}", "a"},
	{"{% if not nope is defined %}a{% endif %}{% if nope is not defined %}b{% endif %}{% if ds.meta_data.tpm is none %}c{% endif %}", "abc"},
	{"{% for k in ds.meta_data.public_keys %}\n- {{ k }} {{ loop.index }}{% if not loop.last %},{% endif %}\n\n{% endfor %}", "- k1 1,\n- k2 2\n"},
	{"{% for k, v in ds.meta_data.tags.items() %}{{ k }}={{ v }};{% endfor %}", "role=agent;n=3;"},
	{"{% for x in ds.meta_data.empty %}a{% else %}none{% endfor %}", "none"},
	{"{% set a = 'b' %}\n{{ a }}{# {{ nope }} #}!", "b!"},
	{"{% raw %}{{ x }}{% endraw %} {{ '{{' }}", "{{ x }} {{"},
	{"a\n  {%- if true %} b {%- endif %}\nc", "a bc"},
	{"{{ ds.meta_data.public_keys }} {{ ds.meta_data.tags.get('no', 'd') }} {{ ds.meta_data.public_keys | length }}", "['k1', 'k2'] d 2"},
	{"{{ (1 + 2) }} {{ 2 > 1 }} {{ 'b' not in 'abc' }} {{ not true }}", "3 True False False"},
	{"{{ v1.region | replace('eu', 'us') | trim | capitalize }} {{ '3' | int + 1 }}", "Us-1 4"},
	{"{{ [3, 1] | sort | first }} {{ ['a', 'b'] | last }}", "1 b"},
	{"no template, { braces } and %", "no template, { braces } and %"},
}

func TestRender(t *testing.T) {
	for _, c := range rendered {
		got, faults := Render(c[0], vars(t))
		if c[0][:4] == "{% f" && strings.Contains(c[0], "items") { // maps have no order here
			c[1] = "n=3;role=agent;"
		}
		if got != c[1] || len(faults) > 0 {
			t.Errorf("%q: got %q, want %q; %v", c[0], got, c[1], faults)
		}
	}
}

// TestMissing: what cannot be rendered is marked or left out, and the rest is there.
func TestMissing(t *testing.T) {
	for text, c := range map[string]struct{ want, fault string }{
		"a {{ v1.nope }} b":                   {"a " + Missing + "/nope b", ""},
		"{{ ds.nope.x }}":                     {Missing + "/nope.x", ""},
		"{{ a b }} c":                         {Missing + "/expression c", "expression"},
		"{{ x | shuffle }} c":                 {Missing + "/expression c", "filter"},
		"{% macro a() %}b{% endmacro %}":      {"b", "statement"},
		"{% if a b %}c{% else %}d{% endif %}": {"d", "expression"},
		"{% endif %}a":                        {"a", "without its beginning"},
		"{{ unclosed":                         {Missing + "/unclosed", ""},
		"{% if true %}open":                   {"open", ""},
	} {
		got, faults := Render(text, vars(t))
		if got != c.want || (len(faults) > 0) != (c.fault != "") || c.fault != "" && !strings.Contains(faults[0].Message, c.fault) {
			t.Errorf("%q: got %q %v", text, got, faults)
		}
	}
	if _, faults := Render("a\nb\n{{ c d }}", nil); len(faults) != 1 || faults[0].Line != 3 {
		t.Errorf("%v", faults)
	}
}

// TestBounds: a small template cannot take the machine's time or memory.
func TestBounds(t *testing.T) {
	loop := "{% for a in l %}"
	for name, text := range map[string]string{
		"loops":  strings.Repeat(loop, 12) + "x" + strings.Repeat("{% endfor %}", 12),
		"string": "{% set a = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% set a = a ~ a ~ a ~ a %}", 200) + "{{ a }}",
		"join":   "{% set a = 'xxxxxxxx' %}" + strings.Repeat("{% set a = a | join(a) %}", 50) + loop + loop + loop + "{{ a | upper }}" + strings.Repeat("{% endfor %}", 3),
		"deep":   "{{ " + strings.Repeat("(", 10000) + "}}" + strings.Repeat("{% if true %}", 10000),
		"not":    "{{ " + strings.Repeat("not ", 900) + "true }}",
		"minus":  "{{ " + strings.Repeat("-", 900) + "1 }}",
		"dots":   "{{ a" + strings.Repeat(".a", 400) + " }}",
	} {
		list, got := make([]any, 1000), ""
		if d := cputime.Of(t, func() { got, _ = Render(text, map[string]any{"l": list}) }); d > 20*time.Second || len(got) > maxSize*2 {
			t.Errorf("%s: %s, %d bytes", name, d, len(got))
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, c := range rendered {
		f.Add(c[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, _ := Render(text, vars(t)); len(got) > maxSize+len(text) {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func TestHeader(t *testing.T) {
	for line, want := range map[string]bool{"## template: jinja": true, "## template:jinja": true, "##template: Jinja": true, "# template: jinja": false, "## template: basic": false, "#cloud-config": false} {
		if Header(line) != want {
			t.Error(line)
		}
	}
}
