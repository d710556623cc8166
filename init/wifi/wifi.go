// Package wifi joins wireless networks: it keeps wpa_supplicant running for each Wi-Fi adapter and reports its state in
// one line. Addresses are netup's task. It starts nothing if the configuration lists no networks. Passphrases are
// written only into wpa_supplicant's configuration.
package wifi

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
)

// Paths. The directory is for root only: the file has the keys, and a client of the sockets can read them.
const (
	Program    = "/usr/sbin/wpa_supplicant"
	Dir        = "/run/proa/wifi"
	File       = Dir + "/wpa_supplicant.conf"
	controlDir = Dir + "/control"
)

// Service returns the service of one adapter.
func Service(s sys.Sys, radio string, c config.Network) supervise.Service {
	return supervise.Service{
		Name: "wifi-" + radio, Argv: []string{Program, "-Dnl80211", "-i" + radio, "-c" + File},
		Prepare: func(context.Context) error { return unblock("", s.WriteFile) },
		Watch:   func(ctx context.Context, say func(bool, string)) { watch(ctx, radio, c, say) },
		Stop:    unix.SIGTERM, Grace: 3 * time.Second,
	}
}

// patience is the time drivers may take to register an adapter before a missing one is reported.
const patience = time.Minute

// again is the pause before a broken subscription is renewed.
const again = time.Second

// Follow calls found once for each Wi-Fi adapter, present or appearing later, until the context ends. A burst of
// changes, as from many pods, can end the subscription; each new one begins with the existing links.
func Follow(ctx context.Context, logf func(string, ...any), found func(radio string)) {
	seen := map[string]bool{}
	late := time.AfterFunc(patience, func() {
		logf("wifi: still waiting for a Wi-Fi adapter after %s: network.wifi lists networks to join", patience)
	})
	defer late.Stop()
	for ctx.Err() == nil {
		err := follow(ctx, func(name string) {
			if !seen[name] && netup.Radio(name) {
				seen[name] = true
				late.Stop()
				found(name)
			}
		})
		if err != nil {
			logf("wifi: subscribe to links: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// follow passes on the names of interfaces until the subscription ends.
func follow(ctx context.Context, see func(name string)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	updates := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribeWithOptions(updates, ctx.Done(), netlink.LinkSubscribeOptions{ListExisting: true}); err != nil {
		return err
	}
	for u := range updates {
		if u.Header.Type != unix.RTM_DELLINK {
			see(u.Link.Attrs().Name)
		}
	}
	return nil
}

// Missing returns why this image cannot join the configured networks; empty if it can.
func Missing(root string) string {
	if _, err := os.Stat(root + Program); err != nil {
		return fmt.Sprintf("network.wifi: this image has no Wi-Fi (%v)", err)
	}
	return ""
}
