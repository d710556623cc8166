package config

// Network has the network settings.
type Network struct {
	// Interfaces by kernel name (eth0, wlan0), by hardware address (52:54:00:12:34:56), or by a name of your own if it
	// has `match`, or is a bond, a bridge, a VLAN or a dummy, which get that name. An interface that is not listed uses
	// DHCP if it is wired, or if it is a Wi-Fi adapter and `wifi` has networks. An interface that is listed more than
	// once has the settings under its hardware address, else those under its name, else those of the first `match`. A
	// change takes effect at once, and what is the same before and after it is not touched.
	Interfaces map[string]Interface `yaml:"interfaces" check:"interface" example:"eth0"`

	// Rules choose the routing table for packets by their addresses (ip-rule(8)). Those of others are not touched.
	Rules []Rule `yaml:"rules"`

	// WiFi networks the machine may join. Without any, Wi-Fi is not used. Of the networks in range the first one in the
	// list is joined. A wired interface with a default route is preferred to Wi-Fi. Why a network cannot be joined is
	// shown on the console and in `proa status`; joining is retried forever.
	WiFi []WiFi `yaml:"wifi"`

	// WiFiCountry is the country the machine is in, two capital letters of ISO 3166, which determines the permitted
	// channels and transmit power. Unset: what every country permits, which is channels 1 to 11 of 2.4 GHz, and others
	// only once a network is heard there, at low power.
	WiFiCountry string `yaml:"wifi_country" check:"country" example:"DE"`

	// DNS servers. They are used before those of interfaces, and these before those from DHCP and router advertisements;
	// the first three are in resolv.conf(5), which permits no more.
	DNS []string `yaml:"dns" check:"ip" most:"3" example:"192.168.1.1"`

	// Search domains for names without a trailing dot.
	Search []string `yaml:"search" check:"domain" example:"lan"`

	// Firewall restricts what others on the network can reach on the machine.
	Firewall Firewall `yaml:"firewall"`
}

// Firewall accepts what proa serves (SSH at 22, the Kubernetes API at 6443, the kubelet at 10250, NodePorts, ping),
// what Kubernetes exposes (NodePorts, load balancers, hostPorts), and the ports on which pods with hostNetwork listen.
// Everything else is dropped, and no packet is forwarded to the address of a pod or Service. What the machine and its
// pods send is not filtered. A change takes effect at once.
type Firewall struct {
	// Enabled loads the firewall rules. Unset: yes. false opens the machine, and the addresses of pods and Services
	// behind it, to everybody who can reach it.
	Enabled *bool `yaml:"enabled" example:"false"`

	// Allow opens more ports: tcp or udp, a port or a range, and, after "from", the only permitted source network, such
	// as "udp/5353 from 192.168.1.0/24".
	Allow []string `yaml:"allow" check:"opening" example:"tcp/8080"`

	// Inside are interfaces of a cluster network of your own (k3s.args with --flannel-backend=none), by name, where a
	// trailing * is a wildcard; packets from them are not filtered.
	Inside []string `yaml:"inside" check:"pattern" example:"cali*"`
}

// WiFi is one wireless network: WPA2 or WPA3 with a passphrase, or open.
type WiFi struct {
	// Name of the network, its SSID.
	Name string `yaml:"name" trim:"breaks" check:"ssid,required" example:"Harbour"`

	// Passphrase, 8 to 63 characters, or the key itself (PSK), 64 hexadecimal digits, which excludes WPA3. Empty: the
	// network is open.
	Passphrase string `yaml:"passphrase" check:"passphrase,quoted" trim:"breaks" secret:"true" example:"fair winds"`

	// Hidden networks do not broadcast their name; the machine sends it in probe requests instead, which everybody in
	// range can receive.
	Hidden bool `yaml:"hidden" example:"false"`
}
