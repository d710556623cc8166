// Package config is the user's configuration: one document, the same on every board. config.go has the schema, only
// structs and comments; the manual (REFERENCE.md, schema.json and example.yaml) is generated from the comments. The
// package decodes and checks. It refuses unknown keys, and applies nothing.
package config

// Config is the whole document.
type Config struct {
	// Version of the schema. This release knows version 1; a document without it is taken for version 1.
	Version int `yaml:"version" default:"1" enum:"1"`

	// Hostname is the node's name, also in Kubernetes. Empty: "proa-" and the last six hex digits of the hardware
	// address of the first wired interface, or of a random number if there is none, fixed at the first boot.
	Hostname string `yaml:"hostname" check:"hostname" example:"kiosk-3"`

	// SSHAuthorizedKeys are the public keys that may log in as root, one per entry, as in ~/.ssh/authorized_keys.
	// Empty: no SSH server is started. Passwords are never accepted.
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys" check:"sshkey" example:"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"`

	// WriteFiles are written at every boot, before the network and the services start. A file below /etc, /run or /tmp
	// is gone after a reboot unless it stays listed; /var, /home, /opt and /root are persistent.
	WriteFiles []File `yaml:"write_files"`

	// Modules are kernel modules loaded at boot, each a name and, after a space, its parameters.
	// Drivers of devices that are present load without being listed.
	Modules []string `yaml:"modules" check:"module" example:"wireguard"`

	// Sysctls are kernel settings, written below /proc/sys after proa's own.
	Sysctls map[string]string `yaml:"sysctls" check:"sysctl" values:"setting,required" example:"vm.max_map_count=262144"`

	// Network settings. Without any, every wired interface uses DHCP.
	Network Network `yaml:"network"`

	// NTP synchronises the clock.
	NTP NTP `yaml:"ntp"`

	// K3s is the Kubernetes runtime.
	K3s K3s `yaml:"k3s"`

	// Health says when a new system, after an upgrade, counts as good.
	Health Health `yaml:"health"`
}

// File is one entry of write_files.
type File struct {
	// Path of the file, absolute, below /etc, /var, /home, /opt, /root, /run or /tmp; the rest of the root is
	// read-only. Missing directories are created with mode 0755. Files that proa writes itself are refused, with the
	// key to use instead.
	Path string `yaml:"path" check:"writable,required" example:"/etc/motd"`

	// Content of the file, as Encoding says.
	Content string `yaml:"content" trim:"nothing" secret:"true" example:"QXNrIHRoZSBoYXJib3VyIG1hc3Rlci4K"`

	// Encoding of Content. Empty: plain text.
	Encoding string `yaml:"encoding" enum:",b64,base64,gz,gzip,gz+b64,gz+base64,gzip+b64,gzip+base64"`

	// Owner is USER or USER:GROUP, by name or number.
	Owner string `yaml:"owner" default:"root:root" check:"owner"`

	// Permissions in octal.
	Permissions string `yaml:"permissions" default:"0644" check:"octal"`
}

// Network has the network settings.
type Network struct {
	// Interfaces by kernel name (eth0, wlan0) or hardware address (52:54:00:12:34:56). An interface that is not listed
	// uses DHCP if it is wired, or if it is a Wi-Fi adapter and `wifi` has networks.
	Interfaces map[string]Interface `yaml:"interfaces" check:"interface" example:"eth0"`

	// WiFi networks the machine may join. Without any, Wi-Fi is not used. Of the networks in range the first one in the
	// list is joined. A wired interface with a default route is preferred to Wi-Fi. Why a network cannot be joined is
	// shown on the console and in `proa status`; joining is retried forever.
	WiFi []WiFi `yaml:"wifi"`

	// WiFiCountry is the country the machine is in, two capital letters of ISO 3166, which determines the permitted
	// channels and transmit power. Unset: what every country permits, which is channels 1 to 11 of 2.4 GHz, and others
	// only once a network is heard there, at low power.
	WiFiCountry string `yaml:"wifi_country" check:"country" example:"DE"`

	// DNS servers, at most the three that resolv.conf(5) permits. They are used before those from DHCP.
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

// Interface is one network interface, wired or Wi-Fi.
type Interface struct {
	// DHCP requests an IPv4 address. Unset: yes, unless Addresses are given.
	DHCP *bool `yaml:"dhcp" example:"false"`

	// Addresses are static, with prefix length, IPv4 or IPv6.
	Addresses []string `yaml:"addresses" check:"ifaddress" example:"192.168.1.20/24"`

	// Gateway is the default route's next hop.
	Gateway string `yaml:"gateway" check:"hop" example:"192.168.1.1"`

	// Routes in addition to the default route.
	Routes []Route `yaml:"routes"`

	// MTU of the interface. 0: what DHCP says, else the interface's default.
	MTU int `yaml:"mtu" check:"mtu" example:"1500"`
}

// Route is one static route.
type Route struct {
	// To is the destination network.
	To string `yaml:"to" check:"cidr,required" example:"10.8.0.0/16"`

	// Via is the next hop.
	Via string `yaml:"via" check:"hop,required" example:"192.168.1.254"`

	// Metric of the route: of routes to the same network the one with the lower metric is used.
	Metric int `yaml:"metric" check:"metric"`
}

// NTP has the time servers.
type NTP struct {
	// Servers of the time, by name or address. Without any: those from DHCP, and four of pool.ntp.org.
	Servers []string `yaml:"servers" check:"server" example:"ntp.example.org"`
}

// K3s has the settings of the runtime.
type K3s struct {
	// Enabled starts the runtime. false: the machine boots without Kubernetes.
	Enabled bool `yaml:"enabled" default:"true"`

	// Role of the node: server runs the control plane and pods, agent only pods. Empty: agent if ServerURL is set, else server.
	Role string `yaml:"role" enum:",server,agent"`

	// ServerURL is the server to join.
	ServerURL string `yaml:"server_url" check:"url" example:"https://192.168.1.10:6443"`

	// Token is the shared secret of the cluster.
	Token string `yaml:"token" check:"token,quoted" secret:"true" example:"K10…::server:…"`

	// Args are further flags of the runtime, as on its command line: --flag=value, or --flag for a switch. The
	// supported flags are listed at the end of REFERENCE.md.
	Args []string `yaml:"args" check:"flag" secret:"flags" example:"--disable=local-storage"`

	// Labels the node registers with. Below kubernetes.io and k8s.io only those that Kubernetes lets a node set itself,
	// so no roles.
	Labels map[string]string `yaml:"labels" check:"labelkey" values:"labelvalue" example:"region=quay"`

	// Taints the node registers with, KEY=VALUE:EFFECT.
	Taints []string `yaml:"taints" check:"taint" example:"gpu=true:NoSchedule"`
}

// Health is the check that a slot on trial has to pass: its boot steps succeeded, it has a default route if there was
// one before, and the node is Ready.
type Health struct {
	// Deadline is the time after its boot within which a slot on trial must become good; from 1m to 24h. If it does
	// not, the machine restarts, and after 3 tries falls back to the slot that worked before. A slot that was good
	// already is never restarted because of it.
	Deadline string `yaml:"deadline" default:"15m" check:"deadline" example:"30m"`
}
