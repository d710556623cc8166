package config

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
