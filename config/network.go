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

// Interface is one network interface: wired, Wi-Fi, or made by proa.
type Interface struct {
	// Match selects interfaces by properties; the key is then only a label, unless Rename makes it the name. All of them that fit get these settings.
	Match Match `yaml:"match" own:"lan"`

	// Rename gives the interface that Match finds the key as its name; Match needs one MAC for that, and no Name. Another
	// interface that has the name gets the one that becomes free. Cards are renamed as soon as they are there, before
	// anything else is done with them, Wi-Fi adapters that are in use at the next boot.
	Rename bool `yaml:"rename" example:"-"`

	// VLAN makes the interface a VLAN of another one. Of VLAN, Bond, Bridge and Dummy an interface has at most one, and
	// no Match beside it.
	VLAN *VLAN `yaml:"vlan" own:"vlan20"`

	// Bond makes the interface a bond of others.
	Bond *Bond `yaml:"bond" own:"bond0"`

	// Bridge makes the interface a bridge of others.
	Bridge *Bridge `yaml:"bridge" own:"br0"`

	// Dummy makes the interface a dummy, which has addresses and drops packets.
	Dummy bool `yaml:"dummy" own:"dummy0" example:"true"`

	// DHCP requests an IPv4 address. Unset: yes, unless Addresses are given, or the interface is a dummy. A member of a
	// bond or a bridge has no addresses, and requests none.
	DHCP *bool `yaml:"dhcp" example:"false"`

	// DHCP6 requests an IPv6 address by DHCPv6 (RFC 8415). Unset: no. Routes are from router advertisements.
	DHCP6 bool `yaml:"dhcp6" example:"true"`

	// AcceptRA takes IPv6 addresses, routes and DNS servers from router advertisements. Unset: yes, unless the interface
	// is a member.
	AcceptRA *bool `yaml:"accept_ra" example:"false"`

	// Addresses are static, with prefix length, IPv4 or IPv6.
	Addresses []string `yaml:"addresses" check:"ifaddress" example:"192.168.1.20/24"`

	// Gateway is the default route's next hop.
	Gateway string `yaml:"gateway" check:"hop" example:"192.168.1.1"`

	// Routes in addition to the default route.
	Routes []Route `yaml:"routes"`

	// Metric of the default route and of routes from DHCP and router advertisements. 0: 100 for static ones, 1024 for
	// those of routers, 1024 and the interface's index for DHCP; 262144 more for Wi-Fi.
	Metric int `yaml:"metric" check:"metric" example:"200"`

	// DNS servers reached over this interface; they are used after `network.dns` and before those from DHCP.
	DNS []string `yaml:"dns" check:"ip" example:"192.168.1.1"`

	// Search domains of this interface.
	Search []string `yaml:"search" check:"domain" example:"lan"`

	// MTU of the interface in bytes. 0: what DHCP says, else the interface's default.
	MTU int `yaml:"mtu" check:"mtu" example:"1500"`

	// MAC is the hardware address to set. Empty: the one that the interface has.
	MAC string `yaml:"mac" check:"mac" example:"52:54:00:12:34:56"`

	// Optional interfaces may be missing, or have no cable or no DHCP server: nothing is reported.
	Optional bool `yaml:"optional" example:"true"`
}

// Match selects interfaces. Of each property any of the patterns must fit, * and ? are wildcards.
type Match struct {
	// Name are kernel names.
	Name []string `yaml:"name" check:"glob" example:"enp*"`

	// MAC are hardware addresses.
	MAC []string `yaml:"mac" check:"mac" example:"52:54:00:12:34:56"`

	// Driver are names of drivers, as ethtool -i prints them.
	Driver []string `yaml:"driver" check:"glob" example:"virtio*"`
}

// VLAN is a virtual LAN, IEEE 802.1Q.
type VLAN struct {
	// ID of the VLAN.
	ID int `yaml:"id" check:"vlanid,required" example:"20"`

	// Link is the interface that carries it: a key of `interfaces`, or a kernel name.
	Link string `yaml:"link" check:"interface,required" example:"eth0"`
}

// Bond makes one link out of several.
type Bond struct {
	// Members are the interfaces: keys of `interfaces`, or kernel names.
	Members []string `yaml:"members" check:"interface" example:"eth1"`

	// Mode of the bond.
	Mode string `yaml:"mode" default:"active-backup" enum:"balance-rr,active-backup,balance-xor,broadcast,802.3ad,balance-tlb,balance-alb"`

	// Primary is the member that is preferred.
	Primary string `yaml:"primary" check:"interface" example:"eth1"`

	// MIIMonitor is the time between two looks at a member's link, in milliseconds. Not used with arp_interval in
	// Options.
	MIIMonitor int `yaml:"mii_monitor" default:"100" check:"milliseconds"`

	// UpDelay and DownDelay in milliseconds are multiples of MIIMonitor: how long a link must be there, or be gone.
	UpDelay int `yaml:"up_delay" check:"milliseconds" example:"200"`

	// DownDelay: see UpDelay.
	DownDelay int `yaml:"down_delay" check:"milliseconds" example:"200"`

	// LACPRate of 802.3ad: how often the partner is asked to send, every 30 s (slow) or every second (fast).
	LACPRate string `yaml:"lacp_rate" enum:",slow,fast" example:"-"`

	// HashPolicy chooses the member for a packet in balance-xor, 802.3ad and balance-tlb.
	HashPolicy string `yaml:"hash_policy" enum:",layer2,layer3+4,layer2+3,encap2+3,encap3+4,vlan+srcmac" example:"layer3+4"`

	// Options are further parameters of the kernel's bonding driver, by their names below /sys/class/net/NAME/bonding
	// (Documentation/networking/bonding.rst). Several addresses of arp_ip_target are separated by commas.
	Options map[string]string `yaml:"options" check:"bondoption" values:"line" example:"min_links=1"`
}

// Bridge joins interfaces to one network.
type Bridge struct {
	// Members are the interfaces: keys of `interfaces`, or kernel names.
	Members []string `yaml:"members" check:"interface" example:"eth2"`

	// STP is the spanning tree protocol, with which a bridge forwards nothing for twice ForwardDelay after its start.
	// Unset: yes.
	STP *bool `yaml:"stp" example:"false"`

	// ForwardDelay of the spanning tree protocol in seconds, 2 to 30. 0: 15.
	ForwardDelay int `yaml:"forward_delay" check:"seconds" example:"4"`

	// HelloTime of the spanning tree protocol in seconds, 1 to 10. 0: 2.
	HelloTime int `yaml:"hello_time" check:"seconds" example:"2"`

	// MaxAge of the spanning tree protocol in seconds, 6 to 40. 0: 20.
	MaxAge int `yaml:"max_age" check:"seconds" example:"12"`

	// Ageing is the time in seconds after which an address that was not heard is forgotten. 0: 300.
	Ageing int `yaml:"ageing" check:"seconds" example:"300"`

	// Priority of the bridge in the spanning tree; lower wins. Unset: 32768.
	Priority *int `yaml:"priority" check:"bridgepriority" example:"32768"`

	// PathCost of members in the spanning tree. Unset: by their speed.
	PathCost map[string]int `yaml:"path_cost" check:"interface" values:"pathcost" example:"eth2=100"`

	// PortPriority of members in the spanning tree. Unset: 32.
	PortPriority map[string]int `yaml:"port_priority" check:"interface" values:"portpriority" example:"eth2=32"`
}

// Route is one static route.
type Route struct {
	// To is the destination network; default is 0.0.0.0/0, or ::/0 if Via is an IPv6 address.
	To string `yaml:"to" check:"destination,required" example:"10.8.0.0/16"`

	// Via is the next hop. Empty: what is sent there is on the interface's own network.
	Via string `yaml:"via" check:"hop" example:"192.168.1.254"`

	// Metric of the route: of routes to the same network the one with the lower metric is used. 0: the interface's for
	// the default route, else the kernel's own.
	Metric int `yaml:"metric" check:"metric"`

	// OnLink says that Via is reached without a route to it.
	OnLink bool `yaml:"on_link" example:"true"`

	// Source address of packets of this machine that take this route.
	Source string `yaml:"source" check:"ip" example:"192.168.1.20"`

	// Table of the route. 0: main, 254.
	Table int `yaml:"table" check:"table" example:"100"`

	// Type of the route. Empty: unicast. blackhole, unreachable, prohibit and throw send nothing, and have no Via.
	Type string `yaml:"type" enum:",unicast,blackhole,unreachable,prohibit,throw,local" example:"unicast"`

	// Scope of the route. Empty: as ip-route(8) chooses it: link without Via, else global; host for local ones.
	Scope string `yaml:"scope" enum:",global,link,host" example:"global"`

	// MTU of the route in bytes. 0: that of the interface.
	MTU int `yaml:"mtu" check:"mtu" example:"1400"`
}

// Rule chooses a routing table (ip-rule(8)).
type Rule struct {
	// From is the source network. Empty: any.
	From string `yaml:"from" check:"cidr" example:"192.168.3.0/24"`

	// To is the destination network. Empty: any.
	To string `yaml:"to" check:"cidr" example:"10.0.0.0/8"`

	// Table that is looked up.
	Table int `yaml:"table" check:"table,required" example:"100"`

	// Priority of the rule; lower ones are looked at first. 0: the kernel chooses.
	Priority int `yaml:"priority" check:"metric" example:"1000"`

	// Mark of packets, as the firewall sets it. 0: any.
	Mark int `yaml:"mark" check:"metric" example:"16"`

	// TOS, the type of service, of packets. 0: any.
	TOS int `yaml:"tos" check:"tos" example:"16"`
}
