package links

import (
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// Apply carries out operations on an interface, in order. It continues after an error, because a wrong route must not
// cost the address; without the interface that should have been created there is nothing to continue with.
func Apply(s sys.Sys, l netlink.Link, ops []plan.Op) error {
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
			errs = append(errs, fmt.Errorf("%s: %w", op, err))
		}
		if creates && err != nil {
			break
		}
	}
	return errors.Join(errs...)
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
	case plan.SetMTU:
		return netlink.LinkSetMTU(l, int(op))
	case plan.SetUp:
		return netlink.LinkSetUp(l)
	case plan.SetSysctl:
		return setSysctl(s, op)
	case plan.PutAddress:
		return netlink.AddrReplace(l, (*netlink.Addr)(&op))
	case plan.DropAddress:
		_ = netlink.AddrDel(l, (*netlink.Addr)(&op)) // it may have expired
		return nil
	case plan.PutRoute:
		op.LinkIndex = l.Attrs().Index
		return netlink.RouteReplace((*netlink.Route)(&op))
	case plan.DropRoute:
		op.LinkIndex = l.Attrs().Index
		_ = netlink.RouteDel((*netlink.Route)(&op)) // it may have been removed with its address
		return nil
	}
	panic(fmt.Sprintf("BUG: no case for the operation %T", op))
}

// setSysctl ignores a sysctl that does not exist: the interface was removed meanwhile, or the kernel has no IPv6.
func setSysctl(s sys.Sys, op plan.SetSysctl) error {
	err := s.WriteFile("/proc/sys/"+op.Path, []byte(op.Value), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
