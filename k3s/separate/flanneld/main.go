// Command flanneld connects a node's pods with those of other nodes like flannel's own program, which does not build
// from its module, since it links every cloud's backend. It supports the Kubernetes subnet manager, vxlan, host-gw and
// nftables only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

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
	annotations = "flannel.alpha.coreos.com"
	// registerWait is how long to wait for the controller manager to assign a subnet.
	registerWait = 2 * time.Minute
	rulesResync  = 60 // seconds; nftables rules are written once, flannel ignores the period for them
)

// options have the names of those of flannel's own program.
type options struct {
	kubeconfig, netConfig, subnetFile, nodeName, iface, publicIP string
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "`file` with access to nodes")
	flag.StringVar(&o.netConfig, "net-config", "", "`file` with the cluster's network")
	flag.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "`file` to write for the CNI plugin")
	flag.StringVar(&o.nodeName, "node-name", "", "this node's `name`")
	flag.StringVar(&o.iface, "iface", "", "`interface` to send through")
	flag.StringVar(&o.publicIP, "public-ip", "", "this node's `address`")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := o.run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "flanneld:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	os.Setenv("NODE_NAME", o.nodeName) // flannel reads the environment of its pod
	manager, err := kube.NewSubnetManager(ctx, "", o.kubeconfig, annotations, o.netConfig, false)
	if err != nil {
		return err
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	network, err := o.register(ctx, &wg, manager, config)
	if err != nil {
		return fmt.Errorf("register network: %w", err)
	}
	if err := rules(ctx, config, network); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.subnetFile), 0o755); err != nil {
		return err
	}
	l := network.Lease()
	if err := manager.HandleSubnetFile(o.subnetFile, config, true, l.Subnet, l.IPv6Subnet, network.MTU()); err != nil {
		return err
	}
	network.Run(ctx)
	wg.Wait()
	return nil
}

// register creates the interface once the node has its subnet.
func (o options) register(ctx context.Context, wg *sync.WaitGroup, m subnet.Manager, c *subnet.Config) (backend.Network, error) {
	stack, err := ipmatch.GetIPFamily(true, false)
	if err != nil {
		return nil, err
	}
	iface, err := ipmatch.LookupExtIface(o.iface, "", "", stack, ipmatch.PublicIPOpts{PublicIP: o.publicIP})
	if err != nil {
		return nil, err
	}
	be, err := backend.NewManager(ctx, m, iface).GetBackend(c.BackendType)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(registerWait); ; {
		network, err := be.RegisterNetwork(ctx, wg, c)
		if err == nil || time.Now().After(deadline) {
			return network, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// rules installs the masquerade and forward rules for pods.
func rules(ctx context.Context, c *subnet.Config, network backend.Network) error {
	var t nftables.NFTablesManager
	if err := t.Init(ctx); err != nil {
		return err
	}
	var none4 ip.IP4Net
	var none6 ip.IP6Net
	err := t.SetupAndEnsureMasqRules(ctx, c.Network, none4, none4, none6, none6, none6, network.Lease(), rulesResync, false)
	if err != nil {
		return err
	}
	t.SetupAndEnsureForwardRules(ctx, c.Network, none6, rulesResync)
	return nil
}
