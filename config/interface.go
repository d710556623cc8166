package config

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
