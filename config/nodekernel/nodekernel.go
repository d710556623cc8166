// Package nodekernel has the kernel modules and sysctls of a Kubernetes node, as data. PID 1 applies them at boot, before
// the user's sysctls. The runtime, which may run under another init, applies again what it requires. It does not cover
// the modules of a board's hardware.
package nodekernel

import (
	"strconv"
	"strings"
)

// Modules returns the modules that are loaded in advance. A kernel may have any of them built in.
func Modules() []string {
	return []string{"overlay", "br_netfilter", "bridge", "veth", "vxlan", "nf_conntrack", "nf_tables", "nft_chain_nat", "nft_ct", "nft_masq"}
}

// RuleModules returns the further modules that the nftables rules of kube-proxy, flannel and the CNI plugins need. With
// proa's init the kernel loads them on demand (kernel.modprobe).
func RuleModules() []string {
	return []string{"crc32c_generic", "nft_numgen", "nft_reject_inet", "nft_fib_inet", "nft_limit", "nft_hash", "nft_redir", "nft_log",
		"xt_comment", "xt_mark"}
}

// Runtime says what the runtime does with a sysctl at its start, which is after the user's sysctls were set.
type Runtime int

const (
	Leave Runtime = iota // does not change it
	Force                // sets it, because pods or services need it, or because the kubelet sets it anyway
	Raise                // sets it if the current value is lower
)

// Sysctl is one sysctl; the name has dots.
type Sysctl struct {
	Name, Value string
	Runtime     Runtime
}

// Sysctls returns the sysctls in the order they are set. The bridge settings make traffic between two pods of a node pass
// the service rules.
func Sysctls() []Sysctl {
	return []Sysctl{
		{"net.ipv4.ip_forward", "1", Force},
		{"net.ipv6.conf.all.forwarding", "1", Force},
		{"net.ipv6.conf.default.forwarding", "1", Leave},
		{"net.ipv6.conf.all.accept_ra", "2", Leave},
		{"net.ipv6.conf.default.accept_ra", "2", Leave},
		{"net.bridge.bridge-nf-call-iptables", "1", Force},
		{"net.bridge.bridge-nf-call-ip6tables", "1", Force},
		{"net.ipv4.conf.all.rp_filter", "0", Leave},
		{"net.ipv4.ping_group_range", "0 2147483647", Leave},
		{"vm.overcommit_memory", "1", Force},
		{"vm.panic_on_oom", "0", Leave},
		{"kernel.panic", "10", Force},
		{"kernel.panic_on_oops", "1", Force},
		{"kernel.keys.root_maxkeys", "1000000", Leave},
		{"kernel.keys.root_maxbytes", "25000000", Leave},
		{"fs.inotify.max_user_instances", "8192", Raise},
		{"fs.inotify.max_user_watches", "524288", Raise},
		{"fs.protected_hardlinks", "1", Leave},
		{"fs.protected_symlinks", "1", Leave},
		{"kernel.pid_max", maxPIDs(), Leave},
	}
}

// maxPIDs returns the kernel's own limit (PID_MAX_LIMIT in include/linux/threads.h).
func maxPIDs() string {
	if strconv.IntSize == 32 {
		return "32768"
	}
	return "4194304"
}

// Path returns a sysctl's path below /proc/sys. Its name has dots or slashes as separators; with slashes a dot is part of a
// name (an interface eth0.5).
func Path(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return strings.ReplaceAll(name, ".", "/")
}
