package rule

import (
	"slices"
	"strings"

	"github.com/proa-os/proa/config/k3sflags"
)

// roots are the directories that write_files may write to: on the data partition, in memory, and the kernel's own
// files.
var roots = []string{"etc", "var", "home", "opt", "root", "run", "tmp", "proc", "sys"}

// elsewhere are files, and folders with all in them (ending in /), that proa writes itself or that nothing here reads, and what does
// instead. Other systems have them, so they stand in configurations that people bring along.
var elsewhere = [][2]string{
	{k3sflags.ConfigFile, "k3s.args, or a file of your own in " + k3sflags.ConfigFile + ".d"},
	{k3sflags.KubeconfigFile, "k3s.args with --write-kubeconfig, which names another file"},
	{"/etc/resolv.conf", "network.dns and network.search"},
	{"/root/.ssh/authorized_keys", "ssh_authorized_keys"},
	{"/etc/wpa_supplicant.conf", "network.wifi"},
	{"/etc/wpa_supplicant/", "network.wifi"},
	{"/etc/passwd", "users"},
	{"/etc/group", "users, whose groups are made"},
	{"/etc/shadow", "users, with password"},
	{"/etc/gshadow", "users"},
	{"/etc/shells", "users, with shell"},
	{"/etc/sudoers", "users, with admin"},
	{"/etc/sudoers.d/", "users, with admin"},
	{"/etc/doas.conf", "users, with admin"},
	{"/etc/hostname", "hostname"},
	{"/etc/machine-id", "what the first boot made"},
	{"/run/proa/", "nothing: it is the state of PID 1"},
	{"/var/lib/proa/", "nothing: it is the state of PID 1"},
	{"/etc/sysctl.conf", "sysctls"},
	{"/etc/sysctl.d/", "sysctls"},
	{"/etc/modules", "modules"},
	{"/etc/modules-load.d/", "modules"},
	{"/etc/modprobe.d/", "modules, each with its parameters behind its name"},
	{"/etc/ssh/", "ssh_authorized_keys; the SSH server has no other settings"},
	{"/etc/ntp.conf", "ntp.servers"},
	{"/etc/chrony.conf", "ntp.servers"},
	{"/etc/chrony/", "ntp.servers"},
	{"/etc/systemd/timesyncd.conf", "ntp.servers"},
	{"/etc/systemd/network/", "network.interfaces"},
	{"/etc/systemd/resolved.conf", "network.dns"},
	{"/etc/netplan/", "network.interfaces"},
	{"/etc/network/", "network.interfaces"},
	{"/etc/NetworkManager/", "network.interfaces"},
	{"/var/lib/connman/", "network.interfaces and network.wifi"},
	{"/etc/connman/", "network.interfaces"},
	{"/etc/nftables.conf", "network.firewall"},
	{"/etc/iptables/", "network.firewall"},
	{"/etc/systemd/", "a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/init.d/", "a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/local.d/", "a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/rc.local", "a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/crontab", "a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/cron.d/", "a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/var/spool/cron/", "a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
}

func writable(s string) string {
	if !absolute(s) {
		return "an absolute path without . or .."
	}
	if instead, ok := Elsewhere(s); ok {
		return "another path: proa writes this file itself, or nothing reads it; use " + instead
	}
	if root, name, _ := strings.Cut(s[1:], "/"); !slices.Contains(roots, root) || name == "" {
		return "a path below /etc, /var, /home, /opt, /root, /run or /tmp; the rest of the root is read-only"
	}
	return ""
}

// Elsewhere says whether proa writes a file itself, or nothing reads it, and what to use instead.
func Elsewhere(file string) (instead string, ok bool) {
	if strings.HasPrefix(file, "/home/") && (strings.HasSuffix(file, "/.ssh/authorized_keys") || strings.Contains(file, "/.proa-ssh/")) {
		return "ssh_authorized_keys of the account in users", true
	}
	at := slices.IndexFunc(elsewhere, func(e [2]string) bool {
		return file == e[0] || strings.HasSuffix(e[0], "/") && strings.HasPrefix(file, e[0])
	})
	if at < 0 {
		return "", false
	}
	return elsewhere[at][1], true
}

// kept is where a file of the runtime can be written.
func kept(s string) string {
	root, _, _ := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	if !absolute(s) || !slices.Contains(roots[:7], root) {
		return "an absolute path below /var, /home, /opt, /root, /etc, /run or /tmp"
	}
	return ""
}
