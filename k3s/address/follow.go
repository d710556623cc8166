package address

import (
	"context"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/k3s/flags"
)

// lonely is the interface that init makes where no network is: a node moves away from it as soon as there is another address, though its
// own is still there.
const lonely = "proa-alone"

const (
	// steady is how long a new address must have been there: a network that is being set up changes several times.
	steady = 5 * time.Second
	// lookAgain is when the addresses are looked at though the kernel told nothing: it drops messages when it has too many.
	lookAgain = 30 * time.Second
)

// Follow returns who the node should be once its address has left for good and another one is there. As long as its address is on an
// interface it stays, whatever else comes. One that was given by the user is not followed.
func (id Identity) Follow(ctx context.Context, c *flags.Config) (Identity, error) {
	if c.NodeIP != "" {
		<-ctx.Done()
		return id, ctx.Err()
	}
	changes, err := subscribe(ctx)
	if err != nil {
		return id, err
	}
	var next Identity
	var since time.Time
	for {
		wait := lookAgain
		switch now, moved := id.successor(family(c)); {
		case !moved:
			next = Identity{}
		case now != next:
			next, since, wait = now, time.Now(), steady
		case time.Since(since) >= steady:
			return next, nil
		default:
			wait = steady - time.Since(since)
		}
		select {
		case <-ctx.Done():
			return id, ctx.Err()
		case <-changes:
		case <-time.After(wait):
		}
	}
}

// successor says who the node would be, if it cannot be who it is.
func (id Identity) successor(family int) (Identity, bool) {
	iface, err := interfaceOf(id.IP)
	if err == nil && iface == id.Iface && iface != lonely {
		return id, false
	}
	next, err := find(id.Name, "", family)
	if err != nil {
		next, err = findAny(id.Name, family)
	}
	return next, err == nil && next != id
}

// subscribe is told when the kernel's addresses or routes change (rtnetlink(7)). Many changes are one.
func subscribe(ctx context.Context) (<-chan struct{}, error) {
	addresses, routes := make(chan netlink.AddrUpdate), make(chan netlink.RouteUpdate)
	if err := netlink.AddrSubscribe(addresses, ctx.Done()); err != nil {
		return nil, fmt.Errorf("subscribe to addresses: %w", err)
	}
	if err := netlink.RouteSubscribe(routes, ctx.Done()); err != nil {
		return nil, fmt.Errorf("subscribe to routes: %w", err)
	}
	told := make(chan struct{}, 1)
	go func() {
		for addresses != nil || routes != nil {
			select {
			case _, open := <-addresses:
				if !open {
					addresses = nil
				}
			case r, open := <-routes:
				if !open {
					routes = nil
				} else if r.Table != unix.RT_TABLE_MAIN {
					continue
				}
			}
			select {
			case told <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return told, nil
}
