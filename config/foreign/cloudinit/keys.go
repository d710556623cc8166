package cloudinit

import (
	"github.com/proa-os/proa/config/foreign/draft"
)

// key is a top-level key of a cloud-config: it is translated, or read with another one, or has a note.
type key struct {
	name   string
	read   func(*reader, draft.Pair)
	with   string // the key with which it is read
	note   string // why it has no effect, and the way to get it
	always bool   // the note is due also for a value that asks for nothing
}

const (
	noPackages   = "there are no packages, the root is read-only; build programs into the image, or run them as pods"
	noAgent      = "there are no packages for it; run it as a pod"
	itsOwnKeys   = "the SSH server makes its host key at the first boot, and keeps it"
	notHere      = "it steers cloud-init itself, which does not run here"
	noFirmware   = "firmware settings are in config.txt on the boot partition"
	growsItself  = "the data partition grows to the end of the disk by itself at the first boot; the root does not grow"
	wholeDisks   = "disks are not partitioned; make a file system on the whole disk with fs_setup, or partition it once in first_run_cmd (fdisk)"
	subscription = "this system needs no subscription"
)

// keys are all keys, in the order in which they take effect: accounts before the files that may be theirs.
var keys = []key{
	{name: "hostname", read: (*reader).hostname},
	{name: "fqdn", read: (*reader).fqdn},
	{name: "prefer_fqdn_over_hostname", note: "a node's name has no dots; it is the part before the first one"},
	{name: "preserve_hostname", note: "the host name is the one of this document at every boot"},
	{name: "create_hostname_file", note: "the host name needs no file here"},
	{name: "manage_etc_hosts", read: (*reader).etcHosts},
	{name: "local_hostname", read: (*reader).localHostname},
	{name: "instance_id", note: "a key of meta-data; it has no effect in a cloud-config"},

	{name: "ssh_authorized_keys", read: (*reader).rootKeys},
	{name: "ssh_import_id", read: (*reader).rootImports},
	{name: "users", read: (*reader).users},
	{name: "user", read: (*reader).mainUser},
	{name: "system_info", read: (*reader).systemInfo},
	{name: "groups", read: (*reader).groups},
	{name: "password", read: (*reader).password},
	{name: "chpasswd", read: (*reader).chpasswd},
	{name: "ssh_pwauth", read: (*reader).passwordLogin},
	{name: "disable_root", read: (*reader).disableRoot},
	{name: "disable_root_opts", note: "use the options in front of a key, as in authorized_keys"},
	{name: "ssh_keys", note: itsOwnKeys},
	{name: "ssh_deletekeys", note: itsOwnKeys},
	{name: "ssh_genkeytypes", note: itsOwnKeys},
	{name: "ssh_quiet_keygen", note: itsOwnKeys},
	{name: "ssh_publish_hostkeys", note: "phone_home can send the host keys"},
	{name: "allow_public_ssh_keys", note: "only keys that the document lists may log in"},
	{name: "no_ssh_fingerprints", note: "fingerprints of keys are not printed on the console"},
	{name: "authkey_hash", note: "fingerprints of keys are not printed on the console"},
	{name: "ssh_fp_console_blacklist", note: "host keys are not printed on the console"},
	{name: "ssh_key_console_blacklist", note: "host keys are not printed on the console"},
	{name: "ssh", read: (*reader).ssh},

	{name: "network", read: (*reader).network},
	{name: "manage_resolv_conf", with: "resolv_conf"},
	{name: "resolv_conf", read: (*reader).resolvConf},
	{name: "updates", note: "interfaces that are plugged in later are set up anyway"},
	{name: "disable_ec2_metadata", note: "pods reach the metadata service unless a network policy forbids it"},

	{name: "ntp", read: (*reader).ntp},
	{name: "timezone", read: func(r *reader, p draft.Pair) { r.Text(p, "timezone") }},
	{name: "locale", note: "there is one locale, C with UTF-8; programs in containers bring their own"},
	{name: "locale_configfile", note: "there is one locale, C with UTF-8"},
	{name: "keyboard", note: "the console has the kernel's keyboard layout, US; over SSH it is that of your machine"},
	{name: "random_seed", note: "the kernel is seeded by the hardware, and from a seed that is kept over restarts"},

	{name: "ca_certs", read: (*reader).authorities},
	{name: "write_files", read: (*reader).writeFiles},
	{name: "bootcmd", read: (*reader).bootCommands},
	{name: "runcmd", read: (*reader).runCommands},
	{name: "power_state", read: (*reader).powerState},
	{name: "phone_home", read: (*reader).phoneHome},
	{name: "final_message", read: (*reader).finalMessage},

	{name: "mounts", read: (*reader).mounts},
	{name: "mount_default_fields", with: "mounts"},
	{name: "swap", read: (*reader).swap},
	{name: "device_aliases", with: "mounts"},
	{name: "disk_setup", note: wholeDisks},
	{name: "fs_setup", read: (*reader).fileSystems},
	{name: "growpart", read: (*reader).growpart},
	{name: "resize_rootfs", note: growsItself},

	{name: "packages", note: noPackages},
	{name: "package_update", note: noPackages},
	{name: "package_upgrade", note: noPackages},
	{name: "package_reboot_if_required", note: noPackages},
	{name: "apt", note: noPackages},
	{name: "apt_pipelining", note: noPackages},
	{name: "apt_update", note: noPackages},
	{name: "apt_upgrade", note: noPackages},
	{name: "apt_reboot_if_required", note: noPackages},
	{name: "apt_sources", note: noPackages},
	{name: "apt_mirror", note: noPackages},
	{name: "apt_proxy", note: noPackages + "; a proxy for K3s is set by environment"},
	{name: "apt_http_proxy", note: noPackages + "; a proxy for K3s is set by environment"},
	{name: "apt_https_proxy", note: noPackages + "; a proxy for K3s is set by environment"},
	{name: "apt_ftp_proxy", note: noPackages},
	{name: "apt_preserve_sources_list", note: noPackages},
	{name: "apt_custom_sources_list", note: noPackages},
	{name: "debconf_selections", note: noPackages},
	{name: "apk_repos", note: noPackages},
	{name: "yum_repos", note: noPackages},
	{name: "yum_repo_dir", note: noPackages},
	{name: "zypper", note: noPackages},
	{name: "snap", note: noPackages},
	{name: "snappy", note: noPackages},
	{name: "lxd", note: noPackages},
	{name: "docker", note: "K3s has its own containerd; mirrors of registries are in /etc/rancher/k3s/registries.yaml"},
	{name: "drivers", note: "drivers are a part of the image; those of devices that are present load by themselves"},
	{name: "byobu_by_default", note: noPackages},
	{name: "fan", note: "the network of pods is flannel's; for another one use k3s.args with --flannel-backend=none"},
	{name: "wireguard", note: "run WireGuard as a pod; its kernel module loads by itself"},
	{name: "rpi", note: noFirmware},
	{name: "grub_dpkg", note: "the boot loader is written with the image"},
	{name: "rh_subscription", note: subscription},
	{name: "spacewalk", note: subscription},
	{name: "ubuntu_pro", note: subscription},
	{name: "ubuntu_advantage", note: subscription},
	{name: "landscape", note: noAgent},
	{name: "ansible", note: "run it from another machine"},
	{name: "chef", note: noAgent},
	{name: "puppet", note: noAgent},
	{name: "salt_minion", note: noAgent},
	{name: "mcollective", note: noAgent},
	{name: "rsyslog", note: noAgent + "; proa logs has the machine's own logs"},

	{name: "autoinstall", read: (*reader).autoinstall},
	{name: "vendor_data", note: notHere},
	{name: "cloud_init_modules", note: notHere},
	{name: "cloud_config_modules", note: notHere},
	{name: "cloud_final_modules", note: notHere},
	{name: "datasource", note: notHere},
	{name: "datasource_list", note: notHere},
	{name: "launch_index", note: "every machine that gets the document reads it"},
	{name: "merge_how", note: "lists of several documents are joined, and of other values the last one counts"},
	{name: "merge_type", note: "lists of several documents are joined, and of other values the last one counts"},
	{name: "migrate", note: notHere},
	{name: "output", note: "what commands print is in the logs boot-cmd and run-cmd"},
	{name: "reporting", note: "use phone_home"},
	{name: "syslog_fix_perms", note: notHere},
	{name: "warnings", note: notHere},
	{name: "no_create_home", note: "homes are made by themselves"},
	{name: "version", note: "the format of the document is told by its first line"},
}
