package command

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

const (
	noPackages = "there are no packages; build programs into the image, or run them as pods"
	noServices = "there is no systemd or OpenRC; run services as pods, by manifests below /var/lib/rancher/k3s/server/manifests"
	useNetwork = "use network.interfaces and network.wifi"
	noDocker   = "K3s has its own containerd; run containers as pods, by manifests below /var/lib/rancher/k3s/server/manifests"
	useUsers   = "use users"
	useClock   = "use timezone and ntp.servers"
)

// absent are programs of other systems that commands call, and the way to get what they are for.
var absent = map[string]string{
	"apt": noPackages, "apt-get": noPackages, "apt-key": noPackages, "apt-mark": noPackages, "add-apt-repository": noPackages, "dpkg": noPackages,
	"dpkg-reconfigure": noPackages, "yum": noPackages, "dnf": noPackages, "rpm": noPackages, "zypper": noPackages, "apk": noPackages,
	"snap": noPackages, "pip": noPackages, "pip3": noPackages, "npm": noPackages, "curl": "use wget, which verifies no certificates, or run it in a pod",
	"git":       "write the files by write_files, or run git in a pod",
	"systemctl": noServices, "service": noServices, "rc-service": noServices, "rc-update": noServices, "journalctl": "use proa logs", "loginctl": noServices,
	"netplan": useNetwork, "ifup": useNetwork, "ifdown": useNetwork, "nmcli": useNetwork, "connmanctl": useNetwork, "networkctl": useNetwork,
	"dhclient": useNetwork, "wpa_cli": useNetwork, "wpa_supplicant": useNetwork, "resolvectl": "use network.dns", "hostnamectl": "use hostname",
	"iptables": "use network.firewall; for address translation run a pod with hostNetwork", "ip6tables": "use network.firewall", "ufw": "use network.firewall",
	"docker": noDocker, "docker-compose": noDocker, "podman": noDocker, "ctr": noDocker,
	"useradd": useUsers, "adduser": useUsers, "usermod": useUsers, "groupadd": useUsers, "addgroup": useUsers, "passwd": useUsers, "chpasswd": useUsers, "chage": useUsers,
	"timedatectl": useClock, "ntpdate": useClock, "chronyc": useClock,
	"modprobe": "use modules", "update-grub": "the kernel's command line is a part of the image", "update-grub2": "the kernel's command line is a part of the image",
	"grub-mkconfig": "the kernel's command line is a part of the image", "update-extlinux": "the kernel's command line is a part of the image",
	"update-ca-certificates": "use ca_certs", "update-locale": "there is one locale, C with UTF-8", "locale-gen": "there is one locale, C with UTF-8",
	"localectl": "there is one locale, C with UTF-8", "setupcon": "the console has the kernel's keyboard layout, US", "raspi-config": "set what it sets by this document, or in config.txt of the boot partition",
	"swapon": "use swap", "swapoff": "swap is off unless the document sets it", "mkswap": "use swap", "growpart": "the data partition grows by itself",
	"python": "run it as a pod", "python3": "run it as a pod", "perl": "run it as a pod", "ansible-playbook": "run it from another machine", "bash": "use sh",
	"cloud-init": "it does not run here", "tailscale": "run it as a pod", "kubeadm": "use the keys below k3s", "microk8s": "use the keys below k3s", "rke2": "use the keys below k3s",
}

// boundary separates simple commands of sh, as far as a search for program names needs it.
var boundary = regexp.MustCompile(`&&|\|\||[;|\n(){}]|\$\(|\b(?:then|do|else|if|while|until)\b`)

// before are words that may stand before a program's name.
var before = []string{"sudo", "-E", "-n", "exec", "nohup", "time", "env", "!", "yes"}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// Note names the programs that a command calls and that this system does not have. The command runs all the same: what
// else stands in it may have an effect.
func Note(d *draft.Draft, at *yaml.Node, name, text string) {
	var seen []string
	for _, simple := range boundary.Split(text, 1000) {
		program := Program(simple)
		reason, ok := absent[program]
		if !ok || slices.Contains(seen, program) {
			continue
		}
		seen = append(seen, program)
		d.Note(at, "%s: %s is not on this system; %s", name, program, reason)
	}
}

// Program is the name of the program that a simple command calls.
func Program(simple string) string {
	for _, word := range strings.Fields(simple) {
		word = strings.Trim(word, `"'`)
		switch {
		case word == "#" || strings.HasPrefix(word, "#"):
			return ""
		case slices.Contains(before, word), assignment.MatchString(word):
		default:
			return path.Base(word)
		}
	}
	return ""
}
