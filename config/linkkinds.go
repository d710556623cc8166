package config

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
