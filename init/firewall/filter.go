package firewall

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// Paths. The pods' cgroup is kubelet's; it must exist before the table, which refers to it.
const (
	File      = "/run/proa/firewall.nft"
	PodCgroup = "kubepods"
	cgroups   = "/sys/fs/cgroup/"
)

// peersEvery is the interval for allowing tunnels of new nodes.
const peersEvery = 10 * time.Second

// Filter loads the nftables table for the configuration and the cluster.
type Filter struct {
	Sys  sys.Sys
	Logf func(string, ...any)

	mu    sync.Mutex
	rules Rules
	set   bool // the table is loaded as in rules
	told  bool // the missing cgroup match was logged
}

// Set loads the table of a configuration, at boot and after each change. On an error, such as without nft or with a
// kernel feature missing, the rules that were loaded before, if any, stay in force.
func (f *Filter) Set(ctx context.Context, c *config.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := For(c)
	r.Nodes, r.Pods = f.rules.Nodes, f.rules.Pods
	return f.put(ctx, r)
}

func (f *Filter) put(ctx context.Context, r Rules) error {
	if r.Cgroup != "" && !r.Off {
		if err := f.Sys.MkdirAll(cgroups+r.Cgroup, 0o755); err != nil {
			return fmt.Errorf("cgroup of pods: %w", err)
		}
	}
	err := f.load(ctx, r)
	if err != nil && r.Cgroup != "" {
		without := r
		without.Cgroup = ""
		if f.load(ctx, without) == nil {
			f.withoutPods(err)
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("firewall rules not loaded, ports may be open to the network: %w", err)
	}
	f.rules, f.set = r, true
	return nil
}

// withoutPods logs that ports of pods on the host's network must be in the configuration.
func (f *Filter) withoutPods(err error) {
	if !f.told {
		f.Logf("firewall: this kernel cannot match sockets by cgroup; ports of pods with hostNetwork must be listed in network.firewall.allow: %v", err)
		f.told = true
	}
}

// load makes nft replace the whole table atomically (nft(8), -f).
func (f *Filter) load(ctx context.Context, r Rules) error {
	if err := f.Sys.WriteFile(File, []byte(r.Text()), 0o600); err != nil {
		return err
	}
	out, err := f.Sys.Run(ctx, "nft", "-f", File)
	if err != nil {
		return fmt.Errorf("nft: %s: %w", strings.TrimSpace(out), err)
	}
	return nil
}

// Follow allows the tunnels of other nodes as they join and leave the cluster, until the context ends.
func (f *Filter) Follow(ctx context.Context) {
	for tick := time.NewTicker(peersEvery); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := f.refresh(ctx, tunnels(), routes()); err != nil {
				f.Logf("firewall: other nodes: %v", err)
			}
		}
	}
}

func (f *Filter) refresh(ctx context.Context, nodes []string, pods []Route) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rules
	r.Nodes, r.Pods = nodes, pods
	if !f.set || r.Off || reflect.DeepEqual(r, f.rules) {
		return nil
	}
	return f.put(ctx, r)
}

// tunnel is flannel's tunnel interface. flannel does not mark its routes with a protocol number, so they are recognised
// by their destination.
const tunnel = "flannel.1"

// tunnels returns the remote ends in flannel's forwarding entries.
func tunnels() (out []string) {
	l, err := netlink.LinkByName(tunnel)
	if err != nil {
		return nil
	}
	list, _ := netlink.NeighList(l.Attrs().Index, unix.AF_BRIDGE) // the interface may have been removed
	for _, n := range list {
		if ip := n.IP.To4(); ip != nil && !ip.IsUnspecified() && !slices.Contains(out, ip.String()) {
			out = append(out, ip.String())
		}
	}
	slices.Sort(out)
	return out
}

// routes returns the pod networks that flannel's host-gw routes to other nodes.
func routes() (out []Route) {
	pods := podNetwork()
	if pods == nil {
		return nil
	}
	list, _ := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	for _, r := range list {
		if r.Gw == nil || r.Dst == nil || !pods.Contains(r.Dst.IP) {
			continue
		}
		if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil && l.Attrs().Name != tunnel {
			out = append(out, Route{r.Dst.String(), r.Gw.String()})
		}
	}
	slices.SortFunc(out, func(a, b Route) int { return strings.Compare(a.To, b.To) })
	return out
}

// podNetwork returns the /16 around this node's pod bridge, nil if that does not exist yet.
func podNetwork() *net.IPNet {
	l, err := netlink.LinkByName("cni0")
	if err != nil {
		return nil
	}
	list, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil || len(list) == 0 {
		return nil
	}
	mask := net.CIDRMask(16, 32)
	return &net.IPNet{IP: list[0].IP.Mask(mask), Mask: mask}
}
