package node

import (
	"context"
	"encoding/json"
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

// SubnetFile is the file in which flannel writes this node's subnet for its CNI plugin.
const SubnetFile = "/run/flannel/subnet.env"

const rulesResync = 60 // seconds; nftables rules are written once, flannel ignores the period for them

func (n Node) flannelConfig() string {
	if n.FlannelBackend == "none" {
		return ""
	}
	conf := map[string]any{
		"Network": n.ClusterCIDR, "EnableIPv4": true, "EnableIPv6": false, "EnableNFTables": true,
		"Backend": map[string]any{"Type": n.FlannelBackend},
	}
	data, _ := json.MarshalIndent(conf, "", "  ") // strings and bools always encode
	return string(data) + "\n"
}

// cniConfig returns the CNI configuration that containerd uses for every pod. With flannel-backend none the user
// provides it.
func (n Node) cniConfig() string {
	if n.FlannelBackend == "none" {
		return ""
	}
	return `{
  "name": "cbr0",
  "cniVersion": "1.0.0",
  "plugins": [
    {"type": "flannel", "delegate": {"hairpinMode": true, "forceAddress": true, "isDefaultGateway": true}},
    {"type": "portmap", "capabilities": {"portMappings": true}, "backend": "nftables"},
    {"type": "bandwidth", "capabilities": {"bandwidth": true}}
  ]
}
`
}

// Flannel connects this node's pods with those of other nodes until the context ends. Routes and rules stay.
func (n Node) Flannel(ctx context.Context) error {
	if n.FlannelBackend == "none" {
		<-ctx.Done()
		return nil
	}
	// flannel reads the node's name from the environment of its pod, which is missing here.
	os.Setenv("NODE_NAME", n.Name)
	manager, err := kube.NewSubnetManager(ctx, "", n.kubeconfig("k3scontroller"), "flannel.alpha.coreos.com",
		n.agent("etc/flannel/net-conf.json"), false)
	if err != nil {
		return err
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return err
	}
	iface, err := n.flannelInterface()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	network, err := n.register(ctx, &wg, manager, iface, config)
	if err != nil {
		return err
	}
	if err := rules(ctx, config, network); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(SubnetFile), 0o755); err != nil {
		return err
	}
	l := network.Lease()
	if err := manager.HandleSubnetFile(SubnetFile, config, true, l.Subnet, l.IPv6Subnet, network.MTU()); err != nil {
		return err
	}
	network.Run(ctx)
	wg.Wait()
	return nil
}

func (n Node) flannelInterface() (*backend.ExternalInterface, error) {
	name := n.FlannelIface
	if name == "" {
		name = n.Iface
	}
	stack, err := ipmatch.GetIPFamily(true, false)
	if err != nil {
		return nil, err
	}
	iface, err := ipmatch.LookupExtIface(name, "", "", stack, ipmatch.PublicIPOpts{PublicIP: n.IP})
	if err == nil && iface.ExtAddr == nil {
		iface.ExtAddr = net.ParseIP(n.IP)
	}
	return iface, err
}

// register waits for this node's subnet, which the controller manager assigns, and creates the interface.
func (n Node) register(ctx context.Context, wg *sync.WaitGroup, m subnet.Manager, iface *backend.ExternalInterface, c *subnet.Config) (backend.Network, error) {
	be, err := backend.NewManager(ctx, m, iface).GetBackend(c.BackendType)
	if err != nil {
		return nil, err
	}
	network, err := retry(ctx, func() (backend.Network, error) { return be.RegisterNetwork(ctx, wg, c) })
	if err != nil {
		return nil, fmt.Errorf("register network: %w", err)
	}
	return network, nil
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

// FlannelReady returns nil once pods can get addresses.
func (n Node) FlannelReady(context.Context) error {
	if n.FlannelBackend == "none" {
		return nil
	}
	_, err := os.Stat(SubnetFile)
	return err
}
