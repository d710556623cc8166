package links

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// Apply carries out operations on an interface, in order. It continues after an error, because a wrong route must not
// cost the address; without the interface that should have been created there is nothing to continue with.
func Apply(s sys.Sys, l netlink.Link, ops []plan.Op) error {
	_, err := Try(s, l, ops)
	return err
}

// Try is Apply, and returns the operations that failed.
func Try(s sys.Sys, l netlink.Link, ops []plan.Op) (failed []plan.Op, err error) {
	var errs []error
	for _, op := range ops {
		var err error
		kinds, creates := op.(plan.Create)
		if creates {
			l, err = create(kinds)
		} else {
			err = apply(s, l, op)
		}
		if err != nil {
			errs, failed = append(errs, fmt.Errorf("%s: %w", op, err)), append(failed, op)
		}
		if creates && err != nil {
			break
		}
	}
	return failed, errors.Join(errs...)
}

// create tries the kinds in order until the kernel supports one.
func create(kinds plan.Create) (netlink.Link, error) {
	err := error(unix.EOPNOTSUPP)
	for _, l := range kinds {
		if err = netlink.LinkAdd(l); !errors.Is(err, unix.EOPNOTSUPP) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return netlink.LinkByName(kinds[0].Attrs().Name)
}

func apply(s sys.Sys, l netlink.Link, op plan.Op) error {
	switch op := op.(type) {
	case plan.Delete:
		return netlink.LinkDel(l)
	case plan.SetAlias:
		return netlink.LinkSetAlias(l, plan.Mark)
	case plan.SetMTU:
		return netlink.LinkSetMTU(l, int(op))
	case plan.SetMAC:
		return setMAC(l, net.HardwareAddr(op))
	case plan.Rename:
		return rename(l, string(op))
	case plan.SetUp:
		return netlink.LinkSetUp(l)
	case plan.SetDown:
		return netlink.LinkSetDown(l)
	case plan.Join:
		return netlink.LinkSetMasterByIndex(l, op.Index)
	case plan.SetAttribute:
		return s.WriteFile(filepath.Join(attributes, l.Attrs().Name, op.Path), []byte(op.Value), 0o644)
	case plan.SetSysctl:
		return setSysctl(s, op)
	case plan.PutAddress:
		return netlink.AddrReplace(l, (*netlink.Addr)(&op))
	case plan.DropAddress:
		_ = netlink.AddrDel(l, (*netlink.Addr)(&op)) // it may have expired
		return nil
	case plan.PutRoute:
		through((*netlink.Route)(&op), l)
		return netlink.RouteReplace((*netlink.Route)(&op))
	case plan.DropRoute:
		through((*netlink.Route)(&op), l)
		_ = netlink.RouteDel((*netlink.Route)(&op)) // it may have been removed with its address
		return nil
	case plan.PutRule:
		if err := netlink.RuleAdd((*netlink.Rule)(&op)); !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	case plan.DropRule:
		if err := netlink.RuleDel((*netlink.Rule)(&op)); !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	case plan.ForgetRouters:
		return forgetRouters(l)
	}
	panic(fmt.Sprintf("BUG: no case for the operation %T", op))
}

// attributes is where the kernel has the attributes of interfaces.
const attributes = "/sys/class/net"

// through sets a route's interface. A route that sends nothing has none: the kernel refuses it with one.
func through(r *netlink.Route, l netlink.Link) {
	switch r.Type {
	case 0, unix.RTN_UNICAST, unix.RTN_LOCAL:
		r.LinkIndex = l.Attrs().Index
	}
}

// setMAC sets the interface down for it if the driver needs that.
func setMAC(l netlink.Link, mac net.HardwareAddr) error {
	if now, err := netlink.LinkByIndex(l.Attrs().Index); err == nil && now.Attrs().HardwareAddr.String() == mac.String() {
		return nil
	}
	err := netlink.LinkSetHardwareAddr(l, mac)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetHardwareAddr(l, mac), netlink.LinkSetUp(l))
}

// rename sets the interface down for it if the kernel needs that (before 6.2), and up again if it was.
func rename(l netlink.Link, name string) error {
	err := netlink.LinkSetName(l, name)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetName(l, name), netlink.LinkSetUp(l))
}

// forgetRouters drops what is not permanent: those that expire meanwhile are no error. Addresses from DHCPv6 have 128 bits
// and stay.
func forgetRouters(l netlink.Link) error {
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V6)
	for _, a := range addrs {
		if ones, _ := a.Mask.Size(); a.Flags&unix.IFA_F_PERMANENT == 0 && ones < 128 {
			_ = netlink.AddrDel(l, &a)
		}
	}
	routes, routesErr := netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{LinkIndex: l.Attrs().Index, Protocol: unix.RTPROT_RA},
		netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL)
	for _, r := range routes {
		_ = netlink.RouteDel(&r)
	}
	return errors.Join(err, routesErr)
}

// setSysctl ignores a sysctl that does not exist: the interface was removed meanwhile, or the kernel has no IPv6.
func setSysctl(s sys.Sys, op plan.SetSysctl) error {
	err := s.WriteFile("/proc/sys/"+op.Path, []byte(op.Value), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
