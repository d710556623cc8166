package service

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/upgrade/help"
	"golang.org/x/sys/unix"
)

// upgradeName is the name of the service that upgrades by itself.
const upgradeName = "upgrade"

// upgrader returns the engine's service, if the configuration wants something done by itself, or given to other machines. It ends an upgrade that runs
// when it is stopped; the next one goes on there.
func (f Facts) upgrader() []supervise.Service {
	u := f.Config.Upgrade
	if f.Live || (u.Automatic == "off" || u.Automatic == "") && !u.Peers {
		return nil
	}
	return []supervise.Service{{Name: upgradeName, Argv: []string{help.Program, help.Service, sum(u)}, Stop: unix.SIGTERM, Grace: 10 * time.Second}}
}

// clusterName is the name of the service that upgrades when the cluster asks.
const clusterName = "cluster-upgrade"

// clusterUpgrader returns the engine's service for the cluster's requests, if the configuration permits them.
func (f Facts) clusterUpgrader() []supervise.Service {
	u := f.Config.Upgrade
	if f.Live || !u.Cluster || !f.Config.K3s.Enabled {
		return nil
	}
	return []supervise.Service{{Name: clusterName, Argv: []string{help.Program, help.Cluster, sum(u)}, Stop: unix.SIGTERM, Grace: 10 * time.Second}}
}

// sum makes a service with another configuration another one, which is started anew. The engine does not read it, and it
// tells nothing: a source may be a secret.
func sum(u config.Upgrade) string {
	b := sha256.Sum256(fmt.Appendf(nil, "%#v", u))
	return hex.EncodeToString(b[:6])
}
