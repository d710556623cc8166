// Package flannel connects a node's pods with those of other nodes, by flannel's own packages: the Kubernetes subnet
// manager, the backends vxlan and host-gw, and nftables rules. It refuses other backends. Of Kubernetes it imports only
// the client, so that the benchmark can run it as a program of its own (k3s/bench/flanneld).
package flannel

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw" // registers host-gw
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"  // registers vxlan
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
)

const (
	// SubnetFile is the file in which flannel writes this node's subnet for its CNI plugin.
	SubnetFile = "/run/flannel/subnet.env"

	annotations = "flannel.alpha.coreos.com"
	rulesResync = 60 // seconds; nftables rules are written once, flannel ignores the period for them
)

// Daemon is flannel on one node.
type Daemon struct {
	Kubeconfig string // file with access to nodes
	NetConf    string // file with the cluster's network, as flannel's net-conf.json
	Node       string // this node's name in the cluster
	Iface      string // interface that packets for other nodes leave by
	IP         string // this node's address
}

// Flags returns a flag set for the settings.
func (d *Daemon) Flags() *flag.FlagSet {
	fs := flag.NewFlagSet("flanneld", flag.ContinueOnError)
	fs.StringVar(&d.Kubeconfig, "kubeconfig", d.Kubeconfig, "`file` with access to nodes")
	fs.StringVar(&d.NetConf, "net-config", d.NetConf, "`file` with the cluster's network")
	fs.StringVar(&d.Node, "node-name", d.Node, "this node's `name`")
	fs.StringVar(&d.Iface, "iface", d.Iface, "`interface` to send through")
	fs.StringVar(&d.IP, "public-ip", d.IP, "this node's `address`")
	return fs
}

// Run waits for the node's subnet, creates the interface and the rules, writes SubnetFile, and keeps the routes to other
// nodes up to date until the context ends. Routes and rules stay.
func (d Daemon) Run(ctx context.Context) error {
	os.Setenv("NODE_NAME", d.Node) // flannel expects it in the environment of its pod
	manager, err := kube.NewSubnetManager(ctx, "", d.Kubeconfig, annotations, d.NetConf, false)
	if err != nil {
		return err
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return err
	}
	iface, err := d.externalInterface()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	network, err := register(ctx, &wg, manager, iface, config)
	if err != nil {
		return fmt.Errorf("register network: %w", err)
	}
	if err := rules(ctx, config, network); err != nil {
		return err
	}
	if err := writeSubnet(manager, config, network); err != nil {
		return err
	}
	network.Run(ctx)
	wg.Wait()
	return nil
}

func writeSubnet(m subnet.Manager, c *subnet.Config, network backend.Network) error {
	if err := os.MkdirAll(filepath.Dir(SubnetFile), 0o755); err != nil {
		return err
	}
	l := network.Lease()
	return m.HandleSubnetFile(SubnetFile, c, true, l.Subnet, l.IPv6Subnet, network.MTU())
}

func (d Daemon) externalInterface() (*backend.ExternalInterface, error) {
	stack, err := ipmatch.GetIPFamily(true, false)
	if err != nil {
		return nil, err
	}
	iface, err := ipmatch.LookupExtIface(d.Iface, "", "", stack, ipmatch.PublicIPOpts{PublicIP: d.IP})
	if err == nil && iface.ExtAddr == nil {
		iface.ExtAddr = net.ParseIP(d.IP)
	}
	return iface, err
}

// register waits for this node's subnet, which the controller manager assigns, and creates the interface.
func register(ctx context.Context, wg *sync.WaitGroup, m subnet.Manager, iface *backend.ExternalInterface,
	c *subnet.Config) (backend.Network, error) {
	be, err := backend.NewManager(ctx, m, iface).GetBackend(c.BackendType)
	if err != nil {
		return nil, err
	}
	return retry(ctx, func() (backend.Network, error) { return be.RegisterNetwork(ctx, wg, c) })
}

// rules installs the masquerade and forward rules for pods.
func rules(ctx context.Context, c *subnet.Config, network backend.Network) error {
	var t nftables.NFTablesManager
	if err := t.Init(ctx); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	var none4 ip.IP4Net
	var none6 ip.IP6Net
	err := t.SetupAndEnsureMasqRules(ctx, c.Network, none4, none4, none6, none6, none6, network.Lease(), rulesResync, false)
	if err != nil {
		return fmt.Errorf("masquerade rules: %w", err)
	}
	t.SetupAndEnsureForwardRules(ctx, c.Network, none6, rulesResync)
	return nil
}
