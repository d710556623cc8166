// Package wifi joins wireless networks: it keeps wpa_supplicant running for each Wi-Fi adapter and reports its state in
// one line. Addresses are netup's task. It starts nothing if the configuration lists no networks. Passphrases are
// written only into wpa_supplicant's configuration.
package wifi

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
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

// Follow calls found once for each Wi-Fi adapter, present or appearing later, until the context ends.
func Follow(ctx context.Context, w *links.Watcher, logf func(string, ...any), found func(radio string)) {
	late := time.AfterFunc(patience, func() {
		logf("wifi: still waiting for a Wi-Fi adapter after %s: network.wifi lists networks to join", patience)
	})
	context.AfterFunc(ctx, func() { late.Stop() })
	seen := map[string]bool{}
	w.Subscribe(func(e links.Event) {
		if e.Gone || e.Kind != plan.Radio || seen[e.Name()] || ctx.Err() != nil {
			return
		}
		seen[e.Name()] = true
		late.Stop()
		found(e.Name())
	})
}

// Missing returns why this image cannot join the configured networks; empty if it can.
func Missing(root string) string {
	if _, err := os.Stat(root + Program); err != nil {
		return fmt.Sprintf("network.wifi: this image has no Wi-Fi (%v)", err)
	}
	return ""
}
