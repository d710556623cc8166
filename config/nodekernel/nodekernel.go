// Package nodekernel is what Kubernetes and its network want of a node's kernel, as data: modules and sysctls. PID 1 sees to all of it at
// boot, before the user's own sysctls; the runtime, which may be started by another init, once more to what it cannot do without. The two
// import nothing of each other, so the table stands here. It changes no kernel, and refuses to say what a board needs.
package nodekernel

import "strconv"

// Modules are loaded before anything asks for them. Names are as in modules.dep; a kernel may have any of them built in.
func Modules() []string {
	return []string{"overlay", "br_netfilter", "bridge", "veth", "vxlan", "nf_conntrack", "nf_tables", "nft_chain_nat", "nft_ct", "nft_masq"}
}

// RuleModules are what the rules of kube-proxy, flannel and the CNI plugins use besides. Where the kernel has a helper that loads modules on
// demand (modprobe(8)), nobody need load them.
func RuleModules() []string {
	return []string{"crc32c_generic", "nft_numgen", "nft_reject_inet", "nft_fib_inet", "nft_limit", "nft_hash", "nft_redir", "nft_log",
		"xt_comment", "xt_mark"}
}

// Runtime is what the runtime does with a setting when it starts, long after the user's sysctls.
type Runtime int

const (
	Leave Runtime = iota // nothing: it is a good default, and the user's value stays
	Force                // sets it: without, pods or services do not work, or the kubelet would set it itself
	Raise                // sets it where the value is lower
)

// Sysctl is one setting of sysctl(8), by its name with dots.
type Sysctl struct {
	Name, Value string
	Runtime     Runtime
}

// Sysctls are in the order in which they are written. The bridge settings send traffic between two pods of one node through the
// service rules.
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
