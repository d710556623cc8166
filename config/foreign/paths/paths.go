// Package paths knows the files that other systems' configurations write, and what of them has an effect here. What says
// something that the schema can say is translated; what proa writes itself, or cannot write, is left out with a note; what no
// program here reads is written, because a command of the user may read it, with a note too. It reads no file of the
// machine.
package paths

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/ifupdown"
	"github.com/proa-os/proa/config/rule"
)

// File translates the content of a file. It returns false if the file is to be written as it is.
func File(d *draft.Draft, file string, text []byte, at *yaml.Node) bool {
	for _, r := range readers {
		if matches(r.path, file) {
			r.read(d, at, file, string(text))
			return true
		}
	}
	return ifupdown.File(d, file, text, at) || Named(d, file, at)
}

// Named notes that nothing reads a file. It returns false if the file is to be written nevertheless.
func Named(d *draft.Draft, file string, at *yaml.Node) bool {
	if instead, ok := rule.Elsewhere(file); ok {
		d.Note(at, "write_files: not written: proa writes this file itself, or nothing reads it; use %s", instead)
		return true
	}
	if !strings.HasPrefix(file, "/") || path.Clean(file) != file {
		return false // the schema's own check says what is wrong
	}
	if r, ok := rule.Of("writable"); ok && r.Judge(file) != "" {
		d.Note(at, "write_files: not written: the root is read-only; put the file below /opt or /var and use that path, or build it into the image")
		return true
	}
	for _, u := range unread {
		if matches(u[0], file) {
			d.Note(at, "write_files: written, but nothing here reads %s; %s", u[0], u[1])
			return false
		}
	}
	return false
}

// matches compares with a path, a folder with all in it (ending in /), or a pattern of path.Match.
func matches(pattern, file string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(file, pattern)
	}
	ok, err := path.Match(pattern, file)
	return ok && err == nil
}

// pod is the way to run what other systems run as a service.
const pod = "run the program as a pod, by a manifest below /var/lib/rancher/k3s/server/manifests"

// unread are files of programs that this system does not have, and the way to get what they are for.
var unread = [][2]string{
	{"/etc/apt/", "there are no packages; build programs into the image, or run them as pods"},
	{"/etc/yum.repos.d/", "there are no packages; build programs into the image, or run them as pods"},
	{"/etc/apk/", "there are no packages; build programs into the image, or run them as pods"},
	{"/etc/pki/", "certificate authorities are listed in ca_certs"},
	{"/etc/cloud/", "cloud-init does not run here; its keys are read from the document itself"},
	{"/etc/docker/", "K3s has its own containerd; mirrors of registries are in /etc/rancher/k3s/registries.yaml"},
	{"/etc/containerd/", "K3s has its own containerd; mirrors of registries are in /etc/rancher/k3s/registries.yaml"},
	{"/etc/crio/", "K3s has its own containerd"},
	{"/etc/kubernetes/", "K3s has no kubeadm; use the keys below k3s"},
	{"/etc/sudoers", "use users with admin: true"},
	{"/etc/sudoers.d/", "use users with admin: true"},
	{"/etc/doas.conf", "use users with admin: true"},
	{"/etc/doas.d/", "use users with admin: true"},
	{"/etc/pam.d/", "accounts and logins are in users and ssh"},
	{"/etc/security/", "accounts and logins are in users and ssh"},
	{"/etc/default/", "there are no services that read it"},
	{"/etc/conf.d/", "there are no services that read it"},
	{"/etc/sysconfig/", "there are no services that read it"},
	{"/etc/logrotate.d/", "logs are rotated by proa"},
	{"/etc/logrotate.conf", "logs are rotated by proa"},
	{"/etc/rsyslog.d/", pod},
	{"/etc/rsyslog.conf", pod},
	{"/etc/udev/", "there is no udev; use boot_cmd"},
	{"/etc/usb_modeswitch.d/", "there is no udev; use boot_cmd"},
	{"/etc/fstab", "use mounts"},
	{"/etc/dhcp/", "use network.interfaces"},
	{"/etc/exports", pod},
	{"/etc/samba/", pod},
	{"/etc/nginx/", pod},
	{"/etc/haproxy/", pod},
	{"/etc/keepalived/", pod},
	{"/etc/dnsmasq.conf", pod},
	{"/etc/dnsmasq.d/", pod},
	{"/etc/wireguard/", pod},
	{"/etc/openvpn/", pod},
	{"/etc/fail2ban/", "SSH wants keys by default; " + pod},
	{"/etc/ufw/", "use network.firewall"},
	{"/etc/firewalld/", "use network.firewall"},
	{"/etc/bash.bashrc", "the shell is sh; /etc/profile.d and ~/.profile are read"},
	{"/root/.bashrc", "the shell is sh; ~/.profile is read"},
	{"/root/.bash_profile", "the shell is sh; ~/.profile is read"},
	{"/home/*/.bashrc", "the shell is sh; ~/.profile is read"},
	{"/home/*/.bash_profile", "the shell is sh; ~/.profile is read"},
	{"/etc/vim/", "vi is part of busybox"},
	{"/etc/selinux/", "there is no SELinux"},
	{"/etc/apparmor.d/", "there is no AppArmor"},
	{"/etc/locale.conf", "there is one locale, C with UTF-8"},
	{"/etc/locale.gen", "there is one locale, C with UTF-8"},
	{"/etc/vconsole.conf", "the console has the kernel's keyboard layout, US"},
	{"/etc/update-motd.d/", "write /etc/motd"},
	{"/etc/cron.daily/", "use a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/cron.hourly/", "use a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/cron.weekly/", "use a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/periodic/", "use a CronJob in a manifest below /var/lib/rancher/k3s/server/manifests"},
	{"/etc/multipath.conf", "there is no multipath daemon"},
	{"/etc/crypttab", "there is no cryptsetup"},
	{"/etc/mdadm/", "there is no mdadm"},
	{"/etc/lvm/", "there is no LVM"},
	{"/etc/salt/", pod},
	{"/etc/puppet/", pod},
	{"/etc/chef/", pod},
}
