// Package flannel is the CNI plugin that gives a pod its address in the subnet that flannel wrote for this node. It
// completes the configuration of the bridge and host-local plugins and calls them. It creates no network itself, and
// supports no delegate but bridge.
package flannel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
)

const (
	subnetFile = "/run/flannel/subnet.env"
	// Both directories are on tmpfs, like the pods' networks: after a reboot all addresses are free.
	recordDir = "/run/flannel/pods"
	leaseDir  = "/run/flannel/leases"
)

// config is the network configuration passed to the plugin.
type config struct {
	types.NetConf
	SubnetFile string         `json:"subnetFile"`
	RecordDir  string         `json:"recordDir"`
	Delegate   map[string]any `json:"delegate"`
}

// Main runs the plugin.
func Main() {
	skel.PluginMainFuncs(skel.CNIFuncs{Add: add, Del: del, Check: check, Status: status}, version.All, "flannel")
}

func parse(data []byte) (config, error) {
	c := config{SubnetFile: subnetFile, RecordDir: recordDir}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, err
	}
	if _, set := c.Delegate["ipam"]; set {
		return c, errors.New("delegate: ipam cannot be set, flannel chooses it")
	}
	return c, nil
}

// subnet is the content of flannel's subnet file.
type subnet struct {
	network netip.Prefix // network of all pods
	node    netip.Prefix // network of this node's pods
	mtu     int
	masq    bool // flannel masquerades, so the bridge must not
}

func readSubnet(path string) (s subnet, err error) {
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch key {
		case "FLANNEL_NETWORK":
			s.network, err = netip.ParsePrefix(value)
		case "FLANNEL_SUBNET":
			s.node, err = netip.ParsePrefix(value)
		case "FLANNEL_MTU":
			s.mtu, err = strconv.Atoi(value)
		case "FLANNEL_IPMASQ":
			s.masq, err = strconv.ParseBool(value)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %s: %w", path, key, err)
		}
	}
	if !s.network.IsValid() || !s.node.IsValid() || s.mtu == 0 {
		return s, fmt.Errorf("%s: incomplete", path)
	}
	return s, nil
}

// delegate completes the bridge plugin's configuration.
func (c config) delegate(s subnet) ([]byte, error) {
	d := map[string]any{
		"type": "bridge", "name": c.Name, "cniVersion": c.CNIVersion,
		"mtu": s.mtu, "ipMasq": !s.masq, "isGateway": true,
	}
	for key, value := range c.Delegate {
		d[key] = value
	}
	if d["type"] != "bridge" {
		return nil, fmt.Errorf("delegate: type %v: want bridge", d["type"])
	}
	d["ipam"] = map[string]any{
		"type":    "host-local",
		"ranges":  [][]map[string]any{{{"subnet": s.node.Masked().String()}}},
		"routes":  []map[string]any{{"dst": s.network.Masked().String()}},
		"dataDir": leaseDir,
	}
	return json.Marshal(d)
}

func add(args *skel.CmdArgs) error {
	c, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	s, err := readSubnet(c.SubnetFile)
	if err != nil {
		return fmt.Errorf("flannel has not written this node's subnet: %w", err)
	}
	d, err := c.delegate(s)
	if err != nil {
		return err
	}
	if err := c.remember(args.ContainerID, d); err != nil {
		return err
	}
	result, err := invoke.DelegateAdd(context.Background(), "bridge", d, nil)
	if err != nil {
		return err
	}
	return types.PrintResult(result, c.CNIVersion)
}

// del removes the pod with the configuration it was added with, even if the subnet has changed. An unknown pod is no
// error, because deletion must be idempotent.
func del(args *skel.CmdArgs) error {
	c, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	path := c.record(args.ContainerID)
	d, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := invoke.DelegateDel(context.Background(), "bridge", d, nil); err != nil {
		return err
	}
	return os.Remove(path)
}

func check(args *skel.CmdArgs) error {
	c, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	_, err = os.Stat(c.record(args.ContainerID))
	return err
}

// status reports whether pods can be added, so that the node becomes Ready only then.
func status(args *skel.CmdArgs) error {
	c, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	if _, err := readSubnet(c.SubnetFile); err != nil {
		return types.NewError(types.ErrPluginNotAvailable, "no subnet yet", err.Error())
	}
	return nil
}

func (c config) record(id string) string { return filepath.Join(c.RecordDir, filepath.Base(id)) }

func (c config) remember(id string, delegate []byte) error {
	if err := os.MkdirAll(c.RecordDir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(c.record(id), delegate, 0o600)
}
