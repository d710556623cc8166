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
var absent = []struct{ programs, reason string }{
	{"apt apt-get apt-key apt-mark add-apt-repository dpkg dpkg-reconfigure yum dnf rpm", noPackages},
	{"zypper apk snap pip pip3 npm", noPackages},
	{"curl", "use wget, which verifies no certificates, or run it in a pod"},
	{"git", "write the files by write_files, or run git in a pod"},
	{"systemctl service rc-service rc-update loginctl", noServices},
	{"journalctl", "use proa logs"},
	{"netplan ifup ifdown nmcli connmanctl networkctl dhclient wpa_cli wpa_supplicant", useNetwork},
	{"resolvectl", "use network.dns"},
	{"hostnamectl", "use hostname"},
	{"iptables", "use network.firewall; for address translation run a pod with hostNetwork"},
	{"ip6tables ufw", "use network.firewall"},
	{"docker docker-compose podman ctr", noDocker},
	{"useradd adduser usermod groupadd addgroup passwd chpasswd chage", useUsers},
	{"timedatectl ntpdate chronyc", useClock},
	{"modprobe", "use modules"},
	{"update-grub update-grub2 grub-mkconfig update-extlinux", "the kernel's command line is a part of the image"},
	{"update-ca-certificates", "use ca_certs"},
	{"update-locale locale-gen localectl", "there is one locale, C with UTF-8"},
	{"setupcon", "the console has the kernel's keyboard layout, US"},
	{"raspi-config", "set what it sets by this document, or in config.txt of the boot partition"},
	{"swapon mkswap", "use swap"},
	{"swapoff", "swap is off unless the document sets it"},
	{"growpart", "the data partition grows by itself"},
	{"python python3 perl tailscale", "run it as a pod"},
	{"ansible-playbook", "run it from another machine"},
	{"bash", "use sh"},
	{"cloud-init", "it does not run here"},
	{"kubeadm microk8s rke2", "use the keys below k3s"},
}

// instead returns what to use instead of a program; "" if it is here, or not known.
func instead(program string) string {
	for _, a := range absent {
		if slices.Contains(strings.Fields(a.programs), program) {
			return a.reason
		}
	}
	return ""
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
		reason := instead(program)
		if reason == "" || slices.Contains(seen, program) {
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
