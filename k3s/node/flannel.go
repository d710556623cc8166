package node

import (
	"context"
	"encoding/json"
	"os"

	"github.com/proa-os/proa/k3s/flannel"
)

// noFlannel is the value of --flannel-backend if the user provides the network.
const noFlannel = "none"

func (n Node) flannelConfigFile() string { return n.agent("etc/flannel/net-conf.json") }

func (n Node) flannelConfig() string {
	if n.FlannelBackend == noFlannel {
		return ""
	}
	conf := map[string]any{
		"Network": n.ClusterCIDR, "EnableIPv4": true, "EnableIPv6": false, "EnableNFTables": true,
		"Backend": map[string]any{"Type": n.FlannelBackend},
	}
	data, _ := json.MarshalIndent(conf, "", "  ") // strings and bools always encode
	return string(data) + "\n"
}

// cniConfig returns the CNI configuration that containerd uses for every pod.
func (n Node) cniConfig() string {
	if n.FlannelBackend == noFlannel {
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

// Flanneld returns this node's flannel.
func (n Node) Flanneld() *flannel.Daemon {
	iface := n.FlannelIface
	if iface == "" {
		iface = n.Iface
	}
	return &flannel.Daemon{
		Kubeconfig: n.kubeconfig("k3scontroller"), NetConf: n.flannelConfigFile(), Node: n.Name, Iface: iface, IP: n.IP,
	}
}

// Flannel connects this node's pods with those of other nodes until the context ends. Routes and rules stay.
func (n Node) Flannel(ctx context.Context) error {
	if n.FlannelBackend == noFlannel {
		<-ctx.Done()
		return nil
	}
	return n.Flanneld().Run(ctx)
}

// FlannelReady returns nil once pods can get addresses.
func (n Node) FlannelReady(context.Context) error {
	if n.FlannelBackend == noFlannel {
		return nil
	}
	_, err := os.Stat(flannel.SubnetFile)
	return err
}
