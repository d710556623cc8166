package address

import (
	"context"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/k3s/flags"
)

// lonely is the interface that init creates if there is no network: the node leaves it as soon as there is another
// address, although its own still exists.
const lonely = "proa-alone"

const (
	// steady is how long a new address must exist: a network that is being set up changes several times.
	steady = 5 * time.Second
	// lookAgain is the interval for checking the addresses without an event: the kernel drops messages when there are
	// too many.
	lookAgain = 30 * time.Second
)

// Follow returns the node's new identity once its address has been removed and another one is there. As long as its
// address is on an interface it stays, whatever other addresses appear. An address given by the user is not followed.
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

// successor returns the identity the node would have without its current address.
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

// subscribe subscribes to changes of addresses and routes (rtnetlink(7)). Several changes may give one event.
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
			default: // an event is pending already
			}
		}
	}()
	return told, nil
}
