package screen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
)

// question is one: what it asks, and where its answer belongs.
type question struct {
	ask    string
	when   func(document) bool // nil: always
	put    func(d document, answer string)
	secret bool // the answer is not shown while it is typed
}

// document is a configuration that is made of answers.
type document map[string]any

func (d document) section(name string) document {
	sub, ok := d[name].(document)
	if !ok {
		sub = document{}
		d[name] = sub
	}
	return sub
}

func (d document) has(section, key string) bool {
	sub, _ := d[section].(document)
	return sub[key] != nil
}

// questions are all of them. An empty answer leaves the default, which the question names.
func (s Screen) list() []question {
	return []question{
		{"Host name (empty: proa- and six digits): ", nil, func(d document, a string) { d["hostname"] = a }, false},
		{"SSH key that may log in as root, or github:NAME (empty: none): ", nil, func(d document, a string) { d["ssh_authorized_keys"] = []string{a} }, false},
		{"Server of the cluster to join, such as https://10.0.0.1:6443 (empty: this machine is the server of a new one): ", nil,
			func(d document, a string) { d.section("k3s")["server_url"] = a }, false},
		{"Token of the cluster: ", func(d document) bool { return d.has("k3s", "server_url") }, func(d document, a string) { d.section("k3s")["token"] = a }, true},
		{"Wi-Fi network (empty: none): ", func(document) bool { return s.radio() }, func(d document, a string) {
			d.section("network")["wifi"] = []document{{"name": a}}
		}, false},
		{"Passphrase of it (empty: open network): ", func(d document) bool { return d.has("network", "wifi") }, func(d document, a string) {
			d.section("network")["wifi"].([]document)[0]["passphrase"] = a
		}, true},
		{"Country of the radio, such as DE (empty: world): ", func(d document) bool { return d.has("network", "wifi") },
			func(d document, a string) { d.section("network")["wifi_country"] = a }, false},
		{"Fixed address with prefix, such as 192.168.1.20/24 (empty: DHCP): ", nil, func(d document, a string) { s.wired(d)["addresses"] = []string{a} }, false},
		{"Gateway (empty: none): ", fixed, func(d document, a string) { s.wired(d)["gateway"] = a }, false},
		{"Name server (empty: none): ", fixed, func(d document, a string) { d.section("network")["dns"] = []string{a} }, false},
	}
}

// wired are the settings of the first Ethernet interface. Wi-Fi adapters and what is made of others are none.
func (s Screen) wired(d document) document {
	name, found := "eth0", []string(nil)
	all, _ := filepath.Glob(filepath.Join(s.Root, "/sys/class/net/*/device"))
	for _, dir := range all {
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "phy80211")); err != nil {
			found = append(found, filepath.Base(filepath.Dir(dir)))
		}
	}
	if len(found) > 0 {
		name = found[0]
	}
	return d.section("network").section("interfaces").section(name)
}

func fixed(d document) bool {
	n, _ := d["network"].(document)
	return n["interfaces"] != nil
}

func (s Screen) radio() bool {
	found, _ := filepath.Glob(filepath.Join(s.Root, "/sys/class/net/*/phy80211"))
	return len(found) > 0
}

// questions asks, and asks again what the configuration would refuse.
func (s Screen) questions() ([]byte, error) {
	fmt.Fprintln(s.Out)
	d, text := document{"version": 1}, []byte("version: 1\n")
	for _, q := range s.list() {
		if q.when != nil && !q.when(d) {
			continue
		}
		next, err := s.answered(q, d, text)
		if err != nil {
			return nil, err
		}
		text = next
	}
	shown, _ := config.Parse("config.yaml", text)
	masked, err := config.Show(shown)
	fmt.Fprintf(s.Out, "\nThe configuration:\n%s\n", masked)
	return text, err
}

// typed reads an answer. Whoever stands by, and the log of a serial console, do not see a secret one.
func (s Screen) typed(q question) (string, error) {
	if q.secret && s.Echo != nil {
		s.Echo(false)
		defer func() { s.Echo(true); fmt.Fprintln(s.Out) }()
	}
	return s.line(q.ask)
}

func (s Screen) answered(q question, d document, before []byte) ([]byte, error) {
	for {
		answer, err := s.typed(q)
		if err != nil || answer == "" {
			return before, err
		}
		old := copied(d)
		q.put(d, answer)
		text, err := yaml.Marshal(d)
		if err != nil {
			return nil, err
		}
		_, problems := config.Parse("", text)
		if len(problems) == 0 {
			return text, nil
		}
		for _, p := range problems {
			fmt.Fprintf(s.Out, "  %s\n", strings.TrimPrefix(p.Message, "note: "))
		}
		clear(d)
		for k, v := range old {
			d[k] = v
		}
	}
}

// copied copies sections, which questions change in place.
func copied(d document) document {
	out := document{}
	for k, v := range d {
		if sub, ok := v.(document); ok {
			v = copied(sub)
		}
		out[k] = v
	}
	return out
}
