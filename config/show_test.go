package config

import (
	"bytes"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestShowOrigin: each value has its place behind it, a list and a text of several lines above; without the comments the
// text is that of Show.
func TestShowOrigin(t *testing.T) {
	l := Load(Document("/boot/config.yaml", []byte("hostname: a\nfinal_message: |\n  up\n  and away\nmodules: [wireguard]\nsysctls: {vm.swappiness: 10}\nk3s:\n  role: agent\n  token: hunter2\n")),
		CommandLine("quiet sysctls[vm.max_map_count]=9"))
	got, err := ShowOrigin(l.Config, l.Origin)
	if err != nil || len(l.Problems) > 0 {
		t.Fatal(err, l.Problems)
	}
	for _, want := range []string{"version: 1 # default\n", "hostname: a # /boot/config.yaml:1:11\n", "# /boot/config.yaml:2:16\nfinal_message: ", "# /boot/config.yaml:5:10\nmodules:\n", "vm.max_map_count: \"9\" # kernel command line:1:7\n",
		"vm.swappiness: \"10\" # /boot/config.yaml:6:26\n", "role: agent # /boot/config.yaml:8:9\n", "token: (secret) # /boot/config.yaml:9:10\n"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	plain, _ := Show(l.Config)
	var a, b any
	if yaml.Unmarshal(got, &a) != nil || yaml.Unmarshal(plain, &b) != nil || !equal(t, a, b) {
		t.Errorf("the comments changed the values:\n%s", got)
	}
}

// TestOriginIsSaved: the places survive in a file.
func TestOriginIsSaved(t *testing.T) {
	l := Load(Document("a", []byte("sysctls: {vm.swappiness: 10}\n")))
	text, err := yaml.Marshal(l.Origin)
	var back Origin
	if err != nil || yaml.Unmarshal(text, &back) != nil || back.Of("sysctls", "vm.swappiness") != (Place{File: "a", Line: 1, Column: 26}) {
		t.Errorf("%v, %s, %+v", err, text, back)
	}
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	x, errA := yaml.Marshal(a)
	y, errB := yaml.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
