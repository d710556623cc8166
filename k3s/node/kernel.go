package node

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"
)

// modules are the kernel modules that pods and services need. Errors are not fatal, because a module may be built in;
// check-config reports what is missing.
var modules = []string{
	"crc32c_generic", "overlay", "br_netfilter", "nf_conntrack", "nf_tables", "nft_chain_nat", "nft_ct", "nft_masq",
	"nft_numgen", "nft_reject_inet", "nft_fib_inet", "nft_limit", "nft_hash", "nft_redir", "nft_log", "vxlan", "veth",
	"xt_comment", "xt_mark",
}

// sysctl is one sysctl, by its path below /proc/sys.
type sysctl struct{ path, value string }

func (s sysctl) String() string { return strings.ReplaceAll(s.path, "/", ".") + "=" + s.value }

// sysctls are set at start. The bridge settings send traffic between two pods of one node through the service rules.
var sysctls = []sysctl{
	{"net/ipv4/ip_forward", "1"},
	{"net/ipv6/conf/all/forwarding", "1"},
	{"net/bridge/bridge-nf-call-iptables", "1"},
	{"net/bridge/bridge-nf-call-ip6tables", "1"},
	{"vm/overcommit_memory", "1"},
	{"kernel/panic", "10"},
	{"kernel/panic_on_oops", "1"},
	{"fs/inotify/max_user_instances", "8192"},
	{"fs/inotify/max_user_watches", "524288"},
}

// Kernel loads modules and sets sysctls. It returns the errors; a component that needs a failed one reports that
// itself.
func Kernel() (problems []error) {
	for _, name := range modules {
		if err := load(name); err != nil {
			problems = append(problems, fmt.Errorf("module %s: %w", name, err))
		}
	}
	for _, s := range sysctls {
		if err := os.WriteFile("/proc/sys/"+s.path, []byte(s.value), 0o644); err != nil {
			problems = append(problems, fmt.Errorf("sysctl %s: %w", s, err))
		}
	}
	return problems
}

func load(name string) error {
	if _, err := os.Stat("/sys/module/" + name); err == nil {
		return nil
	}
	if err := kmodule.Probe(name, ""); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
