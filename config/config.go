// Package config is the user's configuration, the same on every board: it decodes and checks what its sources say. It
// refuses unknown keys, and applies nothing. The schema is the struct Config and those that it refers to, here and in
// network.go, users.go, machine.go, health.go and k3s.go, only structs and comments; the manual (REFERENCE.md, schema.json and example.yaml) is generated
// from the comments.
package config

// Config is the whole document.
type Config struct {
	// Version of the schema. This release knows version 1; a document without it is taken for version 1.
	Version int `yaml:"version" default:"1" enum:"1"`

	// Hostname is the node's name, also in Kubernetes. Empty: "proa-" and the last six hex digits of the hardware
	// address of the first wired interface, or of a random number if there is none, fixed at the first boot.
	Hostname string `yaml:"hostname" check:"hostname" example:"kiosk-3"`

	// SSHAuthorizedKeys are the public keys that may log in as root, one per entry, as in ~/.ssh/authorized_keys; or
	// where they are: github:NAME, gitlab:NAME, lp:NAME, or a URL with https. These are fetched once the network is there,
	// at every boot and once a day, retried, and kept for boots without a network. Empty, also for Users: no SSH server is
	// started.
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys" check:"sshkey" example:"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"`

	// Remote is a document elsewhere, with more configuration.
	Remote Remote `yaml:"config"`

	// DataSources are what may configure this machine besides this file: media (nocloud, config-drive), and the metadata
	// services of clouds (ec2, gce, azure, openstack, hetzner, digitalocean, scaleway, vultr). Empty: any medium, and the service of the cloud that the
	// hardware names, but only as long as nothing else configures it: whoever can plug in a USB stick cannot take over a
	// machine that has a configuration. What was there when it had none stays permitted. A service named here is asked in any case.
	DataSources []string `yaml:"data_sources" check:"datasource" example:"nocloud"`

	// Users are accounts besides root.
	Users []User `yaml:"users" partial:"true"`

	// SSH is the SSH server.
	SSH SSH `yaml:"ssh"`

	// WriteFiles are written at every boot, before the network and the services start. A file below /etc, /run or /tmp
	// is gone after a reboot unless it stays listed; /var, /home, /opt and /root are persistent.
	WriteFiles []File `yaml:"write_files"`

	// Environment variables of k3s, of commands and of logins, such as HTTP_PROXY. If there is a proxy, the networks of
	// the cluster are added to NO_PROXY for k3s. PATH is put before proa's own. Accounts of the machine can read them.
	Environment map[string]string `yaml:"environment" check:"variable" values:"line" secret:"true" example:"HTTPS_PROXY=http://proxy.example.org:3128"`

	// Timezone of logins and commands, and of k3s after its next start, a name of the IANA database. Empty: UTC.
	Timezone string `yaml:"timezone" check:"timezone" example:"Europe/Berlin"`

	// CACerts are further certificate authorities that proa, k3s and commands trust, in PEM, one per entry.
	CACerts []string `yaml:"ca_certs" check:"pem" trim:"breaks"`

	// BootCmd are shell commands, run in order at every boot before the network and the services start, as root, each by
	// a shell of its own; one that fails does not keep the next from running. They have 5 minutes together and are killed
	// then; what they leave in the background runs on. What they print is in the log boot-cmd.
	BootCmd []string `yaml:"boot_cmd" check:"command" secret:"true" example:"mkdir -p /var/lib/app"`

	// RunCmd are shell commands, run in order at every boot once the network is there, beside the services, as root.
	// What they print is in the log run-cmd. They never keep the machine from becoming ready.
	RunCmd []string `yaml:"run_cmd" check:"command" secret:"true" example:"touch /var/lib/app/started"`

	// FirstRunCmd are like RunCmd, and run before these, but each only until it has succeeded once: one that failed, or was
	// cut short, runs again at the next boot. One that is changed is a new one. Their log is first-run-cmd.
	FirstRunCmd []string `yaml:"first_run_cmd" check:"command" secret:"true" example:"/var/lib/app/setup"`

	// Mounts are file systems mounted at boot, besides proa's own.
	Mounts []Mount `yaml:"mounts"`

	// Swap is off unless it is set.
	Swap Swap `yaml:"swap"`

	// PhoneHome tells a server that the machine is up, at the first boot.
	PhoneHome *PhoneHome `yaml:"phone_home"`

	// Power says what happens once the first boot is done.
	Power Power `yaml:"power"`

	// FinalMessage is printed on the console once the services have started. $UPTIME (seconds), $TIMESTAMP, $DATASOURCE
	// (the file) and $VERSION (of proa) are replaced.
	FinalMessage string `yaml:"final_message" trim:"breaks" example:"edge node is up"`

	// Modules are kernel modules loaded at boot, each a name and, after a space, its parameters.
	// Drivers of devices that are present load without being listed.
	Modules []string `yaml:"modules" check:"module" example:"wireguard"`

	// Sysctls are kernel settings, written below /proc/sys after proa's own.
	Sysctls map[string]string `yaml:"sysctls" check:"sysctl" values:"setting,required" example:"vm.max_map_count=262144"`

	// Network settings. Without any, every wired interface uses DHCP.
	Network Network `yaml:"network"`

	// NTP synchronises the clock.
	NTP NTP `yaml:"ntp"`

	// Install says how the live system of an ISO installs itself on a disk.
	Install Install `yaml:"install"`

	// K3s is the Kubernetes runtime.
	K3s K3s `yaml:"k3s"`

	// Health says when a new system, after an upgrade, counts as good.
	Health Health `yaml:"health"`

	// Upgrade says where releases are, and what the machine does with them by itself.
	Upgrade Upgrade `yaml:"upgrade"`
}

// Remote is a document with more configuration, in any format that this file may have. It is fetched once the network is
// there, at every boot, retried, and kept for boots without a network. What it says has precedence over everything but the
// kernel command line. At the first boot the machine waits for it, at most a minute; at a later one what has changed is
// applied like a change of this file.
type Remote struct {
	// URL of the document, with https and a certificate of the system's authorities or of CACerts. With http anybody on the
	// network between can change it, which is warned of unless SHA256 is set. Empty: none.
	URL string `yaml:"url" check:"anyurl" secret:"true" example:"https://example.org/proa/kiosk-3.yaml"`

	// SHA256 of the document, in hex. One with another sum is not used. Empty: any document is.
	SHA256 string `yaml:"sha256" check:"sha256" example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
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

	// Append adds Content as lines to what is there, instead of replacing it, unless they are there already.
	Append bool `yaml:"append" example:"false"`

	// Defer writes the file after BootCmd and after the accounts were made, so that one of these may own it.
	Defer bool `yaml:"defer" example:"false"`
}

// NTP has the time servers.
type NTP struct {
	// Servers of the time, by name or address. Without any: those from DHCP, and four of pool.ntp.org.
	Servers []string `yaml:"servers" check:"server" example:"ntp.example.org"`
}
