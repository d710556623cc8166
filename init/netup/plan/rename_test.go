package plan

import (
	"fmt"
	"testing"
)

func TestRenames(t *testing.T) {
	named := func(name string, n int) string {
		return fmt.Sprintf("    %s: {match: {mac: ['02:00:00:00:00:%02x']}, rename: true}\n", name, n)
	}
	card := func(n int, name string) Link { return at(n, name, Wired, "e1000", 0) }
	stays := func(l Link) bool { return l.Kind == Radio }
	for _, c := range []struct {
		name, doc string
		links     []Link
		own       map[int]string
		want      string
	}{
		{"one", named("lan0", 2), []Link{card(2, "eth0"), card(3, "eth1")}, nil, "eth0: [rename to lan0]\n"},
		{"done", named("lan0", 2), []Link{card(2, "lan0"), card(3, "eth1")}, map[int]string{2: "eth0"}, ""},
		{"swap", named("eth1", 2) + named("eth0", 3), []Link{card(2, "eth0"), card(3, "eth1")}, nil,
			"eth0: [rename to rename2]\neth1: [rename to rename3]\neth0: [rename to eth1]\neth1: [rename to eth0]\n"},
		{"a circle", named("eth1", 2) + named("eth2", 3) + named("eth0", 4), []Link{card(2, "eth0"), card(3, "eth1"), card(4, "eth2")}, nil,
			"eth0: [rename to rename2]\neth1: [rename to rename3]\neth2: [rename to rename4]\neth0: [rename to eth1]\neth1: [rename to eth2]\neth2: [rename to eth0]\n"},
		{"another one has the name", named("eth0", 3), []Link{card(2, "eth0"), card(3, "eth1")}, nil,
			"eth0: [rename to rename2]\neth1: [rename to rename3]\neth0: [rename to eth1]\neth1: [rename to eth0]\n"},
		{"and keeps what it got", named("eth0", 3), []Link{card(2, "eth1"), card(3, "eth0")}, map[int]string{2: "eth0", 3: "eth1"}, ""},
		{"somebody else's", named("dummy7", 2), []Link{card(2, "eth0"), at(5, "dummy7", Virtual, "", 0)}, nil, ""},
		{"one that stays", named("wlan0", 2), []Link{card(2, "eth0"), at(5, "wlan0", Radio, "", 0)}, nil, ""},
		{"a radio in use", named("air", 5), []Link{at(5, "wlan0", Radio, "", 0)}, nil, ""},
		{"two of one address", named("lan0", 2), []Link{card(2, "eth0"), card(2+256, "eth1")}, nil, "eth0: [rename to lan0]\n"},
		{"not any more", "    eth0: {mtu: 1400}\n", []Link{card(2, "lan0")}, map[int]string{2: "eth0"}, "lan0: [rename to eth0]\n"},
		{"back, both", "    eth0: {mtu: 1400}\n", []Link{card(2, "eth1"), card(3, "eth0")}, map[int]string{2: "eth0", 3: "eth1"},
			"eth1: [rename to rename2]\neth0: [rename to rename3]\neth1: [rename to eth0]\neth0: [rename to eth1]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, l := range c.links { // an index above 255 is that of a second card of one address
				c.links[i].Attrs().HardwareAddr = []byte{2, 0, 0, 0, 0, byte(l.Attrs().Index)}
			}
			n := loaded(t, "network:\n  interfaces:\n"+c.doc).Network
			if got := tasks(Renames(n, c.links, c.own, stays)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}
