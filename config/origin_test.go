package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestOrigin: a value's origin is the last source that has a valid value for it.
func TestOrigin(t *testing.T) {
	first := "hostname: a\nnetwork:\n  dns: [10.0.0.1]\n  interfaces:\n    eth0: {mtu: 1400, dhcp: true}\n    eth1: {mtu: 1400}\nk3s: {labels: {region: quay}, token: abc}\nmodules: [a, b]\n"
	second := "# mine\nmodules: [c]\nnetwork: {interfaces: {eth0: {mtu: 1500}}}\nhostname: not a name\nk3s: {enabled: 7}\n"
	l := Load(Document("first", []byte(first)), Document("second", []byte(second)), CommandLine("quiet k3s.labels[region]=dock ntp.servers=a k3s.role=agent"))
	if len(l.Problems) != 2 {
		t.Fatal(l.Problems)
	}
	for path, want := range map[string]string{
		"hostname":                       "first:1:11",  // the second one's is invalid
		"modules":                        "second:2:10", // as a whole
		"modules.0":                      "second:2:10",
		"network.dns":                    "first:3:8",
		"network.interfaces.eth0":        "second:3:24", // an entry of a map replaces the earlier one
		"network.interfaces.eth0.mtu":    "second:3:36",
		"network.interfaces.eth0.dhcp":   "second:3:24", // unset; around it
		"network.interfaces.eth1.mtu":    "first:6:17",
		"k3s.token":                      "first:7:38",
		"k3s.labels.region":              "kernel command line:1:7",
		"k3s.role":                       "kernel command line:1:45",
		"ntp.servers":                    "kernel command line:1:31",
		"k3s.enabled":                    ":0:0", // the default
		"health.deadline":                ":0:0",
		"network.interfaces.nosuch.addr": ":0:0",
	} {
		p := l.Origin.Of(strings.Split(path, ".")...)
		if got := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if p := (*Origin)(nil).Of("hostname"); p != (Place{}) {
		t.Error(p)
	}
}
