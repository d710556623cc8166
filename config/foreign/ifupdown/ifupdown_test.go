package ifupdown_test

import (
	"reflect"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/foreigntest"
	"github.com/proa-os/proa/config/foreign/ifupdown"
)

// translated returns the document that a list of files makes, and what was said.
func translated(t testing.TB, files ...string) (document any, said string) {
	t.Helper()
	d := draft.New()
	for i := 0; i+1 < len(files); i += 2 {
		at := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: 5, Column: 7, Style: yaml.LiteralStyle}
		if !ifupdown.File(d, files[i], []byte(files[i+1]), at) {
			t.Errorf("%s is not read", files[i])
		}
	}
	return foreigntest.Drafted(t, d)
}

func TestFile(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  string
		said  string
	}{
		{"connman", []string{"/var/lib/connman/default.config", "[global]\nName=x\n[service_eth0]\nType=ethernet\nIPv4=10.3.1.21/255.255.0.0/10.3.1.1\nIPv6=off\n" +
			"Nameservers=10.3.1.1,10.3.1.2\nSearchDomains=lan\nDomain=example.org\nTimeServers=ntp.example.org\n"},
			`{network: {interfaces: {eth0: {addresses: [10.3.1.21/16], gateway: 10.3.1.1, dhcp: false, accept_ra: false, dns: [10.3.1.1, 10.3.1.2], search: [lan, example.org]}}}, ntp: {servers: [ntp.example.org]}}`, ""},
		{"connman by hardware address, all wired, and Wi-Fi", []string{"/var/lib/connman/a.config", "[service_lan]\nType=ethernet\nMAC=52:54:00:AA:00:01\nIPv4=dhcp\n" +
			"[service_home_ethernet]\nType=ethernet\nIPv4=10.0.0.2/24/10.0.0.1\n[service_wifi]\nType=wifi\nName=Pier\nPassphrase=fair winds\nHidden=true\n"},
			`{network: {interfaces: {"52:54:00:aa:00:01": {dhcp: true}, home_ethernet: {match: {name: ["e*"]}, addresses: [10.0.0.2/24], gateway: 10.0.0.1, dhcp: false}}, wifi: [{name: Pier, passphrase: fair winds, hidden: true}]}}`, ""},
		{"interfaces", []string{"/etc/network/interfaces", "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n" +
			"    address 10.0.0.2\n    netmask 255.255.255.128\n    gateway 10.0.0.1\n    dns-nameservers 10.0.0.1 10.0.0.3\n    mtu 1400\n    up ip route add 192.0.2.0/24 via 10.0.0.9 dev eth0 metric 5\n" +
			"iface eth0 inet6 auto\nallow-hotplug eth1\niface eth1 inet dhcp\nauto eth0.12\niface eth0.12 inet static\n  address 10.1.0.2/24\n"},
			`{network: {interfaces: {eth0: {addresses: [10.0.0.2/25], gateway: 10.0.0.1, dns: [10.0.0.1, 10.0.0.3], mtu: 1400, dhcp: false, accept_ra: true,
			routes: [{to: 192.0.2.0/24, via: 10.0.0.9, metric: 5}]}, eth1: {dhcp: true}, eth0.12: {vlan: {id: 12, link: eth0}, addresses: [10.1.0.2/24], dhcp: false}}}}`, ""},
		{"interfaces with a bond below a bridge", []string{"/etc/network/interfaces.d/lan", "iface bond0 inet manual\n bond-slaves eth0 eth1\n bond-mode 4\n bond-miimon 50\n bond_lacp_rate fast\n" +
			"iface br0 inet dhcp\n bridge_ports bond0\n bridge_stp on\n bridge_fd 4\n post-up touch /x\n"},
			`{network: {interfaces: {bond0: {dhcp: false, bond: {mode: 802.3ad, members: [eth0, eth1], mii_monitor: 50, lacp_rate: fast}}, br0: {dhcp: true, bridge: {stp: true, members: [bond0], forward_delay: 4}}}}}`,
			"lan: commands have no effect here; use run_cmd, or routes and addresses of network.interfaces"},
		{"dhcpcd", []string{"/etc/dhcpcd.conf", "persistent\noption interface_mtu\nslaac private\ninterface eth0\nstatic ip_address=10.0.0.2/24\nstatic ip6_address=fd00::2/64\nstatic routers=10.0.0.1\n" +
			"static domain_name_servers=10.0.0.1 10.0.0.3\nstatic domain_search=lan\ninterface wlan0\nmetric 300\n"},
			`{network: {interfaces: {eth0: {addresses: [10.0.0.2/24, "fd00::2/64"], dhcp: false, gateway: 10.0.0.1, dns: [10.0.0.1, 10.0.0.3], search: [lan]}, wlan0: {metric: 300}}}}`, ""},
		{"wpa_supplicant", []string{"/etc/wpa_supplicant/wpa_supplicant-wlan0.conf", "ctrl_interface=/run/x\ncountry=de\nnetwork={\n\tssid=\"One\"\n\tpsk=\"fair winds\"\n}\nnetwork={\n ssid=54776f\n priority=7\n key_mgmt=SAE\n sae_password=\"slack tide\"\n scan_ssid=1\n}\n" +
			"network={ssid=\"Three it is\" key_mgmt=NONE}\nnetwork={\nssid=\"Four\"\nkey_mgmt=WPA-EAP\nidentity=\"a\"\n}\nnetwork={\nssid=\"Five\"\npsk=0123456789012345678901234567890123456789012345678901234567890123\n"},
			`{network: {wifi_country: DE, wifi: [{name: Two, passphrase: slack tide, hidden: true}, {name: One, passphrase: fair winds}, {name: Three it is},
			{name: Five, passphrase: "0123456789012345678901234567890123456789012345678901234567890123"}]}}`,
			"network: the closing } is missing; the network is read as if it stood at the end\nnetwork: networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase"},
		{"systemd-networkd", []string{
			"/etc/systemd/network/10-lan.network", "[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.2/24\nGateway=10.0.0.1\nDNS=10.0.0.1 10.0.0.3\nDomains=lan ~corp\nVLAN=v7\nIPv6AcceptRA=no\n[Route]\nDestination=192.0.2.0/24\nGateway=10.0.0.9\nMetric=9\n",
			"/etc/systemd/network/v7.netdev", "[NetDev]\nName=v7\nKind=vlan\n[VLAN]\nId=7\n",
			"/etc/systemd/network/v7.network", "[Match]\nName=v7\n[Network]\nDHCP=yes\n[DHCPv4]\nRouteMetric=20\n",
			"/etc/systemd/network/b0.netdev", "[NetDev]\nName=b0\nKind=bond\n[Bond]\nMode=802.3ad\nMIIMonitorSec=1s\nLACPTransmitRate=fast\n",
			"/etc/systemd/network/members.network", "[Match]\nName=en*\nDriver=virtio_net\n[Network]\nBond=b0\n",
			"/etc/systemd/network/x.network.d/y.conf", "[Match]\nName=eth5\n[Network]\nIPForward=yes\n"},
			`{network: {interfaces: {eth0: {addresses: [10.0.0.2/24], gateway: 10.0.0.1, dns: [10.0.0.1, 10.0.0.3], search: [lan], accept_ra: false, dhcp: false, routes: [{to: 192.0.2.0/24, via: 10.0.0.9, metric: 9}]},
			v7: {vlan: {id: 7, link: eth0}, dhcp: true, dhcp6: true, metric: 20}, b0: {bond: {mode: 802.3ad, mii_monitor: 1000, lacp_rate: fast, members: [members]}},
			members: {match: {name: ["en*"], driver: [virtio_net]}, dhcp: false}, eth5: {}}}}`,
			"a domain that chooses a name server has no effect: all servers are asked about all names"},
		{"systemd-networkd, selected", []string{
			"/etc/systemd/network/wired.network", "[Match]\nType=ether\n[Network]\nDHCP=yes\n",
			"/etc/systemd/network/path.network", "[Match]\nPath=pci-0000:02:00.0\n[Network]\nAddress=10.0.0.2/24\n",
			"/etc/systemd/network/not.network", "[Match]\nName=!eth0\n[Network]\nAddress=10.0.0.2/24\n",
			"/etc/systemd/network/mtu.link", "[Match]\nMACAddress=52:54:00:00:00:01\n[Link]\nMTUBytes=9000\nName=lan0\n"},
			`{network: {interfaces: {wired: {match: {name: ["e*"]}, dhcp: true, dhcp6: true}, mtu: {match: {mac: ["52:54:00:00:00:01"]}, mtu: 9000}}}}`,
			"path.network: [Match]: only Name, MACAddress, PermanentMACAddress, Driver and Type=ether select interfaces here; the file is left out\n" +
				"not.network: [Match]: only Name, MACAddress, PermanentMACAddress, Driver and Type=ether select interfaces here; the file is left out\n" +
				"mtu.link: [Link]: a setting that has no effect; use network.interfaces"},
		{"NetworkManager", []string{"/etc/NetworkManager/system-connections/a.nmconnection", "[connection]\nid=a\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\ndns=10.0.0.1;10.0.0.3;\nroute1=192.0.2.0/24,10.0.0.9,5\n[ipv6]\nmethod=auto\n",
			"/etc/NetworkManager/system-connections/w.nmconnection", "[connection]\ntype=wifi\n[wifi]\nssid=Pier\nmode=infrastructure\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=fair winds\n[ipv4]\nmethod=auto\n"},
			`{network: {interfaces: {eth0: {addresses: [10.0.0.2/24], gateway: 10.0.0.1, dns: [10.0.0.1, 10.0.0.3], dhcp: false, routes: [{to: 192.0.2.0/24, via: 10.0.0.9, metric: 5}]}}, wifi: [{name: Pier, passphrase: fair winds}]}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, said := translated(t, c.files...)
			if want := foreigntest.Parsed(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if said != c.said {
				t.Errorf("said %s\nwant %s", said, c.said)
			}
		})
	}
}

// TestPlace: problems name the line of the outer document.
func TestPlace(t *testing.T) {
	d := draft.New()
	at := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: 5, Column: 7, Style: yaml.LiteralStyle}
	ifupdown.File(d, "/etc/dhcpcd.conf", []byte("interface eth0\nstatic ip_address=10.0.0.2/24\n"), at)
	if got := d.Get("network", "interfaces", "eth0", "addresses").Content[0].Line; got != 7 {
		t.Errorf("line %d, want 7", got)
	}
	if ifupdown.File(d, "/etc/motd", nil, at) {
		t.Error("/etc/motd is taken for a network file")
	}
}

// FuzzFile: no text makes a reader panic or take long.
func FuzzFile(f *testing.F) {
	names := []string{"/etc/network/interfaces", "/etc/dhcpcd.conf", "/etc/wpa_supplicant.conf", "/etc/systemd/network/a.network",
		"/etc/systemd/network/a.netdev", "/etc/systemd/network/a.link", "/var/lib/connman/a.config", "/etc/NetworkManager/system-connections/a"}
	for i := range names {
		f.Add(i, "[service_a]\nIPv4=1.2.3.4/5/6\nnetwork={ssid=\"a\" psk=\n}\niface a inet static\n address 1.2.3.4\n up ip route add x\n")
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		d := draft.New()
		ifupdown.File(d, names[max(i, 0)%len(names)], []byte(text), d.Root)
		out, err := yaml.Marshal(d.Root)
		if err != nil {
			return // bytes that are no text, which YAML as text cannot have
		}
		config.Load(config.Document("fuzz", out))
	})
}

func TestCommand(t *testing.T) {
	for text, want := range map[string]string{
		"sudo connmanctl config ethernet_525400aa0001_cable --ipv4 manual 10.0.0.2 255.255.255.0 10.0.0.1 --ipv6 off --nameservers 10.0.0.1 10.0.0.3 --domains lan": `{network: {interfaces: {"52:54:00:aa:00:01": {addresses: [10.0.0.2/24], gateway: 10.0.0.1, dhcp: false, accept_ra: false,
			dns: [10.0.0.1, 10.0.0.3], search: [lan]}}}}`,
		"connmanctl config ethernet_525400aa0001_cable --ipv4 dhcp":           `{network: {interfaces: {"52:54:00:aa:00:01": {dhcp: true}}}}`,
		"connmanctl config $SERVICE --ipv4 dhcp":                              ``,
		"connmanctl services":                                                 ``,
		"connmanctl config ethernet_525400aa0001_cable --ipv4 dhcp; touch /x": ``,
	} {
		d := draft.New()
		handled := ifupdown.Command(d, text, d.Root)
		out, err := yaml.Marshal(d.Root)
		if err != nil {
			t.Fatal(err)
		}
		if handled != (want != "") || handled && !reflect.DeepEqual(foreigntest.Parsed(t, string(out)), foreigntest.Parsed(t, want)) {
			t.Errorf("%s: %v\n%s", text, handled, out)
		}
	}
}
