package qemu

import (
	"context"
	"time"
)

// Network is the network that the cable is plugged into.
type Network int

// A machine starts with its cable in Home.
const (
	Home Network = iota
	Elsewhere
)

// elsewhere has other addresses than QEMU's user network, 10.0.2.0/24, and is otherwise equal: a router, a DHCP server,
// forwarded ports.
const elsewhere = ",net=10.77.0.0/24,dhcpstart=10.77.0.15"

// forwards maps the guest's ports to the host's loopback ports, for each network.
type forwards [2]map[int]int

// networks returns the arguments for the network backends. A machine whose cable can be moved has a hub with both
// networks, of which one is disconnected (https://www.qemu.org/docs/master/system/qemu-manpage.html, -netdev hubport).
func (s Spec) networks(ports forwards) []string {
	if !s.Moves {
		return []string{"-netdev", s.netdev("n0", ports[Home])}
	}
	return []string{
		"-netdev", s.netdev("n0", ports[Home]), "-netdev", s.netdev("n1", ports[Elsewhere]) + elsewhere,
		"-netdev", "hubport,id=p0,hubid=0,netdev=n0", "-netdev", "hubport,id=p1,hubid=0,netdev=n1", "-netdev", "hubport,id=cable,hubid=0",
	}
}

// cable returns the netdev whose carrier the adapter sees.
func (s Spec) cable() string {
	if s.Moves {
		return "cable"
	}
	return "n0"
}

// Unplug unplugs the network cable: the adapter loses its carrier.
func (vm *VM) Unplug(ctx context.Context) error { return vm.link(ctx, vm.spec.cable(), false) }

// Plug plugs the cable into a network; from then on Addr returns the ports of that one. Elsewhere exists only if
// Spec.Moves is set.
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

// begin disconnects the second network as soon as QEMU listens, before the guest starts its driver.
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

// link sends the command set_link (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html).
func (vm *VM) link(ctx context.Context, id string, up bool) error {
	return qmpWith(ctx, vm.spec.qmpSocket(), "set_link", map[string]any{"name": id, "up": up})
}
