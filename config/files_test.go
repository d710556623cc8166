package config

import (
	"strings"
	"testing"
)

const registriesHead = "write_files:\n  - path: /etc/rancher/k3s/registries.yaml\n    permissions: \"0600\"\n    content: |\n"

// TestRegistries: K3s's file is checked, and errors are reported with their line in the document; the file is written
// in any case, and no secret is quoted.
func TestRegistries(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"sound": {"mirrors:\n  registry.example.org:\n    endpoint: [\"http://10.0.2.2:5000\", mirror:5000]\n    rewrite: {\"^a/(.*)\": \"b/$1\"}\n  \"*\":\nconfigs:\n  registry.example.org:\n" +
			"    auth: {username: a, password: \"hunter2\"}\n    tls: {insecure_skip_verify: true, ca_file: /etc/ca.crt}\n", ""},
		"empty":          {"# nothing\n", ""},
		"near":           {"mirror:\n  a:\n    endpoint: [\"http://a\"]\n", "5:1: write_files[0]: /etc/rancher/k3s/registries.yaml: unknown key \"mirror\"; did you mean \"mirrors\"?\n"},
		"plural":         {"mirrors:\n  a:\n    endpoints: [\"http://a\"]\n", "7:5: write_files[0]: /etc/rancher/k3s/registries.yaml: unknown key \"endpoints\"; did you mean \"endpoint\"?\n"},
		"no list":        {"mirrors:\n  a:\n    endpoint: http://a\n", "endpoint: want a list, found a string"},
		"no scheme":      {"mirrors:\n  a:\n    endpoint: [\"ftp://a\"]\n", "want an endpoint such as"},
		"tab":            {"mirrors:\n\ta:\n", "6:1: write_files[0]: /etc/rancher/k3s/registries.yaml: not valid YAML: a tab"},
		"secret lost":    {"configs:\n  a:\n    auth:\n      password: *hunter2\n", "8:1: write_files[0]: /etc/rancher/k3s/registries.yaml: not valid YAML: a value that begins with * needs quotes"},
		"secret as null": {"configs:\n  a:\n    auth:\n      password: #hunter2\n", "needs quotes"},
		"a list":         {"- a\n", "want key: value pairs, found a list"},
	} {
		doc := registriesHead + "      " + strings.TrimSuffix(strings.ReplaceAll(c.text, "\n", "\n      "), "      ")
		conf, got := problems(t, doc, "")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", name, got)
		}
		if len(conf.WriteFiles) != 1 || conf.WriteFiles[0].Content != c.text {
			t.Errorf("%s: %+v", name, conf.WriteFiles)
		}
	}
}

// TestPaths: paths that cannot be written, that proa overwrites, or that nothing reads are refused.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{"/etc/motd": "", "/var/lib/a": "", "/opt/b": "", "/root/.profile": "", "/run/x": "", "/sys/class/leds/a/trigger": "", "/etc/rancher/k3s/config.yaml.d/a.yaml": "",
		"/usr/local/bin/tool": "read-only", "/srv/a": "read-only", "/boot/config.yaml": "read-only", "/etc/resolv.conf": "network.dns", "/etc/rancher/k3s/config.yaml": "config.yaml.d",
		"/root/.ssh/authorized_keys": "ssh_authorized_keys", "etc/motd": "absolute", "/etc/../x": "absolute"} {
		if got := judged("writable", path); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", path, got)
		}
	}
}
