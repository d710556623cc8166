package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/step"
	"golang.org/x/sys/unix"
)

func mainMounts(_ context.Context, m *Machine) error {
	// an initramfs has written what it found; started without one, there is nothing to know
	if err := readJSON(m.Path(handover), &m.Found); err != nil {
		return err
	}
	return mounts.Apply(m.Sys, mounts.Main(), m.Logf)
}

// ServiceCgroup holds one leaf for each service.
const ServiceCgroup = "/sys/fs/cgroup/proa"

// cgroups hands every controller down from the root, and moves PID 1 into a leaf: what has controllers must hold no processes.
func cgroups(_ context.Context, m *Machine) error {
	const root = "/sys/fs/cgroup"
	leaf := ServiceCgroup + "/init"
	if err := m.Sys.MkdirAll(leaf, 0o755); err != nil {
		return err
	}
	if err := m.Sys.WriteFile(leaf+"/cgroup.procs", []byte("1"), 0o644); err != nil {
		return err
	}
	list, err := os.ReadFile(m.Path(root + "/cgroup.controllers"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range []string{root, ServiceCgroup} {
		for _, c := range strings.Fields(string(list)) {
			if err := m.Sys.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+c), 0o644); err != nil {
				errs = append(errs, fmt.Errorf("%s in %s: %w", c, dir, err))
			}
		}
	}
	// A controller that cannot be handed down costs its limits, not the boot.
	if err := errors.Join(errs...); err != nil {
		m.Logf("cgroups: %v", err)
	}
	return nil
}

func rlimits(_ context.Context, m *Machine) error {
	var errs []error
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_NOFILE, 1 << 20},
		{unix.RLIMIT_NPROC, unix.RLIM_INFINITY},
		{unix.RLIMIT_MEMLOCK, unix.RLIM_INFINITY},
		{unix.RLIMIT_CORE, 0}, // a core of the runtime would hold the cluster's keys
	} {
		errs = append(errs, m.Sys.SetRlimit(l.resource, l.value, l.value))
	}
	return errors.Join(errs...)
}

func overlayEtc(_ context.Context, m *Machine) error {
	if err := openModules(m); err != nil {
		return fmt.Errorf("module index: %w", err)
	}
	if err := m.Modules.Load("overlay", ""); err != nil {
		return err
	}
	return mounts.Apply(m.Sys, mounts.Etc(), m.Logf)
}

// nodeModules is what Kubernetes and its network want before anything asks for it. The rest (nft_*, xt_*, ciphers, file systems) the
// kernel loads on demand through Modprobe; loading all of them here cost a third of the boot.
func nodeModules() []string {
	return []string{"overlay", "br_netfilter", "bridge", "veth", "vxlan", "nf_conntrack", "nf_tables", "nft_chain_nat", "nft_ct", "nft_masq",
		"ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "loop", "evdev", "efivarfs"}
}

// Modprobe is the helper that the kernel starts when it wants a module: this program under another name.
const Modprobe = RunDir + "/modprobe"

func loadModules(_ context.Context, m *Machine) error {
	err := m.Sys.Symlink("/usr/bin/proa", Modprobe)
	if err == nil {
		err = m.sysctl("kernel.modprobe", Modprobe)
	}
	return errors.Join(err, m.loadKnown(nodeModules()), m.loadTeller())
}

// loadKnown skips modules this kernel does not have: tables name what some kernel has, and kernels build things in or merge them.
func (m *Machine) loadKnown(names []string) error {
	var known, absent []string
	for _, n := range names {
		if m.Modules.Has(n) {
			known = append(known, n)
		} else {
			absent = append(absent, n)
		}
	}
	if absent != nil {
		m.Logf("this kernel has no %s", strings.Join(absent, " "))
	}
	return loadAll(m, known)
}

// coldplug listens first and looks then, so that no device falls in between.
func coldplug(_ context.Context, m *Machine) error {
	if err := modules.Listen(m.Ctx, m.hotplug); err != nil {
		return err
	}
	m.plug(modules.Needed)
	return nil
}

// PlugRest loads what a boot does not wait for.
func (m *Machine) PlugRest() { m.plug(nil) }

// plug reports what it loads. A driver may refuse a device (no firmware, no such chip): no reason to doubt the slot.
func (m *Machine) plug(want func(string) bool) {
	loaded, err := m.Modules.Coldplug(m.Path("/sys"), want)
	sort.Strings(loaded)
	if len(loaded) > 0 {
		m.Logf("coldplug: %s", strings.Join(loaded, " "))
	}
	if err != nil {
		m.Logf("coldplug: %v", err)
	}
}

func (m *Machine) hotplug(ev modules.Event) {
	if ev["ACTION"] != "add" || ev["MODALIAS"] == "" {
		return
	}
	loaded, err := m.Modules.LoadAlias(ev["MODALIAS"])
	if len(loaded) > 0 || err != nil {
		m.Logf("hotplug %s: %s", ev["DEVPATH"], strings.TrimSpace(strings.Join(loaded, " ")+" "+errText(err)))
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// nodeSysctls is what Kubernetes wants of the kernel. A user's sysctls come later and win.
func nodeSysctls() [][2]string {
	return [][2]string{
		{"net.ipv4.ip_forward", "1"},
		{"net.ipv6.conf.all.forwarding", "1"},
		{"net.ipv6.conf.default.forwarding", "1"},
		{"net.ipv6.conf.all.accept_ra", "2"},
		{"net.ipv6.conf.default.accept_ra", "2"},
		{"net.bridge.bridge-nf-call-iptables", "1"},
		{"net.bridge.bridge-nf-call-ip6tables", "1"},
		{"net.ipv4.conf.all.rp_filter", "0"},
		{"net.ipv4.ping_group_range", "0 2147483647"},
		{"vm.overcommit_memory", "1"},
		{"vm.panic_on_oom", "0"},
		{"kernel.panic", "10"},
		{"kernel.panic_on_oops", "1"},
		{"kernel.keys.root_maxkeys", "1000000"},
		{"kernel.keys.root_maxbytes", "25000000"},
		{"fs.inotify.max_user_instances", "8192"},
		{"fs.inotify.max_user_watches", "524288"},
		{"fs.protected_hardlinks", "1"},
		{"fs.protected_symlinks", "1"},
		{"kernel.pid_max", maxPIDs()},
	}
}

// maxPIDs is the kernel's own limit (PID_MAX_LIMIT in include/linux/threads.h).
func maxPIDs() string {
	if strconv.IntSize == 32 {
		return "32768"
	}
	return "4194304"
}

// sysctls writes proa's table, then the user's. One that the kernel does not have (a bridge's, before there is one) is reported for the user's only.
func sysctls(_ context.Context, m *Machine) error {
	for _, s := range nodeSysctls() {
		if err := m.sysctl(s[0], s[1]); err != nil {
			m.Logf("sysctl %s: %v", s[0], err)
		}
	}
	keys := make([]string, 0, len(m.Config.Sysctls))
	for k := range m.Config.Sysctls {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var errs []error
	for _, k := range keys {
		if err := m.sysctl(k, m.Config.Sysctls[k]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", k, err))
		}
	}
	return step.User(errors.Join(errs...))
}

// sysctl accepts both spellings, dots and slashes; with slashes a dot is part of a name (an interface eth0.5).
func (m *Machine) sysctl(key, value string) error {
	if !strings.Contains(key, "/") {
		key = strings.ReplaceAll(key, ".", "/")
	}
	return m.Sys.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0o644)
}
