package plan

import (
	"net"
	"path"
	"reflect"
	"slices"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
)

// Difference returns the operations from one list, which is in force on an interface, to another. What is in both is not
// touched, and what is new is put before the old is dropped, so that connections continue. plain is the interface as it
// was before proa changed it.
func Difference(plain Link, old, now []Op) (ops []Op) {
	for _, op := range now {
		if !has(old, op) {
			ops = append(ops, op)
		}
	}
	dropped := false
	for _, op := range old {
		if !has(now, op) {
			undo := undone(plain, op, now)
			ops, dropped = append(ops, undo...), dropped || undo != nil
		}
	}
	if !dropped {
		return ops
	}
	for _, op := range now { // the kernel removes routes together with what they depend on
		if r, is := op.(PutRoute); is {
			ops = append(ops, r)
		}
	}
	return ops
}

func has(list []Op, op Op) bool {
	return slices.ContainsFunc(list, func(o Op) bool { return reflect.DeepEqual(o, op) })
}

// undone returns what undoes an operation. A value that is set anew is not undone.
func undone(plain Link, op Op, now []Op) []Op {
	again := func(same func(Op) bool) bool { return slices.ContainsFunc(now, same) }
	switch op := op.(type) {
	case PutAddress:
		return []Op{DropAddress(op)}
	case PutRoute:
		return []Op{DropRoute(op)}
	case SetMTU:
		if !again(func(o Op) bool { _, is := o.(SetMTU); return is }) {
			return []Op{SetMTU(plain.Attrs().MTU)}
		}
	case SetMAC:
		if !again(func(o Op) bool { _, is := o.(SetMAC); return is }) {
			return []Op{SetMAC(plainMAC(plain))}
		}
	case SetSysctl:
		if !again(func(o Op) bool { s, is := o.(SetSysctl); return is && s.Path == op.Path }) && kernelsOwn[path.Base(op.Path)] != "" {
			return []Op{SetSysctl{op.Path, kernelsOwn[path.Base(op.Path)]}}
		}
		if path.Base(op.Path) == "accept_ra" && op.Value != "0" {
			return []Op{ForgetRouters{}}
		}
	}
	return nil
}

// kernelsOwn has the values of interfaces' sysctls that proa sets on some only.
var kernelsOwn = map[string]string{"disable_ipv6": "0", "ra_defrtr_metric": "1024", "ignore_routes_with_linkdown": "0"}

func plainMAC(l Link) net.HardwareAddr {
	if own := l.Attrs().PermHWAddr; len(own) == 6 {
		return own
	}
	return l.Attrs().HardwareAddr
}

// Unmade returns the interfaces of ours that have to be removed: the configuration has them no more, or has them with
// other properties, which are set when they are created. A change of members is none.
func Unmade(old, now config.Network, links []Link) (out []Link) {
	for _, l := range links {
		if l.Kind != Made {
			continue
		}
		was, is := essence(old.Interfaces[l.Name()]), essence(now.Interfaces[l.Name()])
		if !is.Made() || !reflect.DeepEqual(was, is) {
			out = append(out, l)
		}
	}
	return out
}

// essence is what makes a change of an interface another interface.
func essence(s config.Interface) config.Interface {
	out := config.Interface{VLAN: s.VLAN, Dummy: s.Dummy}
	if s.Bond != nil {
		b := *s.Bond
		b.Members, out.Bond = nil, &b
	}
	if s.Bridge != nil {
		b := *s.Bridge
		b.Members, out.Bridge = nil, &b
	}
	return out
}

// Refit returns the operations that give an interface with a lease the metric and the MTU of a changed configuration.
func Refit(old, now config.Network, l Link, lease dhcp.Lease) (ops []Op) {
	if lease.MTU != 0 && Settings(now, l).MTU == 0 && l.Attrs().MTU != lease.MTU {
		ops = append(ops, SetMTU(lease.MTU))
	}
	if leaseMetric(old, l) == leaseMetric(now, l) {
		return ops
	}
	for _, r := range leaseRoutes(now, l, lease) {
		ops = append(ops, PutRoute(r))
	}
	for _, r := range leaseRoutes(old, l, lease) {
		ops = append(ops, DropRoute(r))
	}
	return ops
}
