package qemu

import (
	"context"
	"time"
)

// Network is what the cable can be in.
type Network int

// The machine starts with its cable in Home.
const (
	Home Network = iota
	Elsewhere
)

// elsewhere has other addresses than QEMU's user network, 10.0.2.0/24, and is otherwise the same: a router, a DHCP server, forwarded ports.
const elsewhere = ",net=10.77.0.0/24,dhcpstart=10.77.0.15"

// forwards are the host's ports on loopback by the guest's, in each network.
type forwards [2]map[int]int

// networks are the arguments of what is behind the adapter. A machine whose cable moves has a hub with both networks, of which one is cut
// off (https://www.qemu.org/docs/master/system/qemu-manpage.html, -netdev hubport).
func (s Spec) networks(ports forwards) []string {
	if !s.Moves {
		return []string{"-netdev", s.netdev("n0", ports[Home])}
	}
	return []string{
		"-netdev", s.netdev("n0", ports[Home]), "-netdev", s.netdev("n1", ports[Elsewhere]) + elsewhere,
		"-netdev", "hubport,id=p0,hubid=0,netdev=n0", "-netdev", "hubport,id=p1,hubid=0,netdev=n1", "-netdev", "hubport,id=cable,hubid=0",
	}
}

// cable is the netdev whose carrier the adapter sees.
func (s Spec) cable() string {
	if s.Moves {
		return "cable"
	}
	return "n0"
}

// Unplug pulls the network cable: the adapter loses its carrier.
func (vm *VM) Unplug(ctx context.Context) error { return vm.link(ctx, vm.spec.cable(), false) }

// Plug puts the cable into a network; Addr names the ports of that one from then on. Only a machine whose Spec says Moves has an Elsewhere.
func (vm *VM) Plug(ctx context.Context, n Network) error {
	if vm.spec.Moves {
		for i, id := range []string{"n0", "n1"} {
			if err := vm.link(ctx, id, Network(i) == n); err != nil {
				return err
			}
		}
	}
	vm.network.Store(int32(n))
	return vm.link(ctx, vm.spec.cable(), true)
}

// begin takes the second network off the hub before the guest looks, as soon as QEMU listens.
func (vm *VM) begin(ctx context.Context) (err error) {
	for range 50 {
		if err = vm.Plug(ctx, Home); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	vm.Kill()
	return err
}

// link is set_link of https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html.
func (vm *VM) link(ctx context.Context, id string, up bool) error {
	return qmpWith(ctx, vm.spec.qmpSocket(), "set_link", map[string]any{"name": id, "up": up})
}
