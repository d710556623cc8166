package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/firewall"
	"github.com/proa-os/proa/init/otherslot"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/peers"
	"github.com/proa-os/proa/init/upgrade/peers/serve"
	"github.com/proa-os/proa/init/upgrade/peers/share"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// siteOf returns how other machines are asked for what a source has; nil: they are not, or the source is not a server.
func siteOf(c *config.Config, machineID string, s transport.Source) *peers.Site {
	if _, web := s.(*transport.Web); !web || !c.Upgrade.Peers {
		return nil
	}
	return &peers.Site{Node: peers.NodeOf(machineID), Except: firewall.For(c).Inside, Note: share.File}
}

// give gives other machines pieces of this one's slots.
func give(of sys.Sys, c *config.Config) func(context.Context, *transport.Bucket, func(string)) {
	return func(ctx context.Context, limit *transport.Bucket, say func(string)) {
		t, m, err := otherslot.Find(of)
		if err != nil {
			say("pieces are not given to others: " + err.Error())
			return
		}
		name, _ := os.Hostname() // it is only shown
		s := serve.Server{Node: peers.NodeOf(machine(m).ID), Name: name, Except: firewall.For(c).Inside, Limit: limit, Say: say,
			Slots: &serve.Slots{Current: t.Slots.Current(), Other: t.Slots.Other(), Note: share.File, Busy: busy, Files: bootFiles(t, m),
				Devices: map[layout.Slot]string{t.Slots.Current(): m.Found.Root, t.Slots.Other(): t.Device}}}
		s.Run(ctx)
	}
}

// busy says whether another program writes the other slot.
func busy() bool {
	lock, err := claim.Lock(claim.LockFile, 0)
	if err == nil {
		lock.Close()
	}
	return errors.Is(err, claim.ErrBusy)
}

// lockWait is how long whoever changes boot files is waited for.
const lockWait = 2 * time.Second

// bootFiles returns what calls do with a slot's boot files. Where slots have boot partitions of their own they are mounted
// apart from those that the engine uses, and not while somebody writes: a partition cannot be mounted in both ways.
func bootFiles(t slotwrite.Target, m *boot.Machine) func(layout.Slot, func(string) error) error {
	on := slot.DiskOf("", slot.Device(boot.BootDir))
	if !on.Chain().OwnBoot {
		return func(of layout.Slot, do func(string) error) error { return t.Slots.Files(of, false, do) }
	}
	mount := slot.Mounts(m.Sys, "", boot.RunDir+"/peers", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, on.Own(""))
	return func(of layout.Slot, do func(string) error) error {
		lock, err := slot.Lock(slot.LockFile, lockWait)
		if err != nil {
			return err
		}
		defer lock.Close()
		return mount(of, false, do)
	}
}
