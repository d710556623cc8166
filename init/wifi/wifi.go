// Package wifi joins wireless networks: for each radio it keeps wpa_supplicant running, which does the joining, and says in a line how that
// goes. It asks for no addresses, that is netup's; it starts nothing where config lists no network, and it refuses to write a passphrase
// anywhere but into the one file that wpa_supplicant reads.
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

// Places. Only root may look into the directory: the file has the keys, and who speaks at the sockets may have them told.
const (
	Program    = "/usr/sbin/wpa_supplicant"
	Dir        = "/run/proa/wifi"
	File       = Dir + "/wpa_supplicant.conf"
	controlDir = Dir + "/control"
)

// Service is the row of one radio.
func Service(radio string, c config.Network) supervise.Service {
	return supervise.Service{
		Name: "wifi-" + radio, Argv: []string{Program, "-Dnl80211", "-i" + radio, "-c" + File},
		Prepare: func(context.Context) error { return unblock("", sys.Linux{}.WriteFile) },
		Watch:   func(ctx context.Context, say func(bool, string)) { watch(ctx, radio, c, say) },
		Stop:    unix.SIGTERM, Grace: 3 * time.Second,
	}
}

// patience is how long drivers take to come up with their radio, at most, before somebody should know that there is none.
const patience = time.Minute

// again is how long a subscription that broke is left alone.
const again = time.Second

// Follow calls found once for each radio, now or when it appears, until the context ends. A burst of changes, as many pods make them, can end the
// subscription; each one begins with what there is.
func Follow(ctx context.Context, logf func(string, ...any), found func(radio string)) {
	seen := map[string]bool{}
	late := time.AfterFunc(patience, func() {
		logf("wifi: network.wifi lists networks, and this machine has no radio after %s; looking on", patience)
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
			logf("wifi: follow links: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// follow hands over the names of interfaces until the subscription ends.
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

// Missing is why networks that config lists cannot be joined with this image; empty if they can.
func Missing(root string) string {
	if _, err := os.Stat(root + Program); err != nil {
		return fmt.Sprintf("network.wifi: this image has no Wi-Fi (%v)", err)
	}
	return ""
}
