// Package flags reads the runtime's configuration: K3s's flag names from its configuration file and the command line.
// It knows names, defaults and precedence. An unknown flag on the command line is an error; unknown keys in the file
// are warnings, as in K3s, and so are errors in a drop-in.
package flags

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/proa-os/proa/config/k3sflags"
)

// Config is the runtime's configuration.
type Config struct {
	ConfigFile string // read before the command line, with the drop-ins in ConfigFile.d
	DataDir    string
	Verbosity  int

	// The API for clients.
	HTTPSListenPort  int
	AdvertiseAddress string
	TLSSan           []string
	WriteKubeconfig  string
	// WriteKubeconfigMode is the mode of that file in octal.
	WriteKubeconfigMode string
	Disable             []string // packaged manifests that are not deployed, by file name without .yaml

	// Membership in the cluster.
	Server string // URL to join; empty: this machine is the whole cluster
	Token  string

	// This node.
	NodeName   string
	NodeIP     string
	NodeLabels []string
	NodeTaints []string
	ResolvConf string
	// PrivateRegistry is the path of K3s's registries.yaml: mirrors, credentials and TLS of registries.
	PrivateRegistry string

	// The cluster's networks.
	ClusterCIDR    string
	ServiceCIDR    string
	ClusterDNS     string
	ClusterDomain  string
	FlannelBackend string
	FlannelIface   string

	// Arguments that are passed on to a component, after our own.
	APIServerArgs         []string
	ControllerManagerArgs []string
	SchedulerArgs         []string
	KubeletArgs           []string
	KubeProxyArgs         []string
	// Shorter names for two of these.
	ServiceNodePortRange  string
	ProtectKernelDefaults bool

	// Flags of proa only.
	PreloadDir        string
	PackagedManifests string
	CNIBinDir         string
	ContainerdSocket  string
	DisableAgent      bool // control plane only: for tests on machines that cannot run pods
	BindAddress       string
}

// Path joins elements below the data directory.
func (c *Config) Path(elem ...string) string {
	return filepath.Join(append([]string{c.DataDir}, elem...)...)
}

// set declares all flags, in the order of the help text.
func (c *Config) set() *pflag.FlagSet {
	fs := pflag.NewFlagSet("k3s", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.StringVarP(&c.ConfigFile, "config", "c", k3sflags.ConfigFile, "configuration `file`, read first; the command line wins")
	fs.StringVarP(&c.DataDir, "data-dir", "d", k3sflags.DataDir, "`folder` for all state")
	fs.IntVarP(&c.Verbosity, "v", "v", 0, "log verbosity `level` of the Kubernetes components")
	fs.StringVar(&c.BindAddress, "bind-address", "0.0.0.0", "`address` the API server listens on")
	fs.IntVar(&c.HTTPSListenPort, "https-listen-port", k3sflags.APIPort, "`port` of the API server")
	fs.StringVar(&c.AdvertiseAddress, "advertise-address", "", "`address` others reach the API server at (default: node-ip)")
	fs.StringSliceVar(&c.TLSSan, "tls-san", nil, "additional `name` or address in the API server's certificate")
	fs.StringVarP(&c.WriteKubeconfig, "write-kubeconfig", "o", k3sflags.KubeconfigFile, "`file` for the administrator's kubeconfig")
	fs.StringVar(&c.WriteKubeconfigMode, "write-kubeconfig-mode", "0600", "permissions of that file, in `octal`")
	fs.StringSliceVar(&c.Disable, "disable", nil, "do not deploy packaged `component` (coredns, local-storage, upgrades)")
	fs.StringVarP(&c.Server, "server", "s", "", "`URL` of the server to join")
	fs.StringVarP(&c.Token, "token", "t", "", "shared `secret` for joining")
	fs.StringVar(&c.NodeName, "node-name", "", "`name` of this node (default: host name)")
	fs.StringVarP(&c.NodeIP, "node-ip", "i", "", "`address` of this node (default: that of the default route's interface)")
	fs.StringSliceVar(&c.NodeLabels, "node-label", nil, "register the node with `key=value`")
	fs.StringSliceVar(&c.NodeTaints, "node-taint", nil, "register the node with taint `key=value:effect`")
	fs.StringVar(&c.ResolvConf, "resolv-conf", "", "resolv.conf `file` for pods with the node's DNS policy (default: /etc/resolv.conf)")
	fs.StringVar(&c.PrivateRegistry, "private-registry", k3sflags.RegistriesFile, "`file` with mirrors, credentials and TLS of registries")
	fs.StringVar(&c.ClusterCIDR, "cluster-cidr", k3sflags.ClusterCIDR, "`network` for pods")
	fs.StringVar(&c.ServiceCIDR, "service-cidr", k3sflags.ServiceCIDR, "`network` for services")
	fs.StringVar(&c.ClusterDNS, "cluster-dns", "", "`address` of the DNS service (default: the tenth of service-cidr)")
	fs.StringVar(&c.ClusterDomain, "cluster-domain", k3sflags.ClusterDomain, "DNS `domain` of the cluster")
	fs.StringVar(&c.FlannelBackend, "flannel-backend", "vxlan", "vxlan, host-gw or none")
	fs.StringVar(&c.FlannelIface, "flannel-iface", "", "`interface` flannel sends through (default: that of node-ip)")
	fs.StringArrayVar(&c.APIServerArgs, "kube-apiserver-arg", nil, "`flag=value` for kube-apiserver")
	fs.StringArrayVar(&c.ControllerManagerArgs, "kube-controller-manager-arg", nil, "`flag=value` for kube-controller-manager")
	fs.StringArrayVar(&c.SchedulerArgs, "kube-scheduler-arg", nil, "`flag=value` for kube-scheduler")
	fs.StringArrayVar(&c.KubeletArgs, "kubelet-arg", nil, "`flag=value` for kubelet")
	fs.StringArrayVar(&c.KubeProxyArgs, "kube-proxy-arg", nil, "`flag=value` for kube-proxy")
	fs.StringVar(&c.ServiceNodePortRange, "service-node-port-range", "", "`ports` for NodePort services (default: 30000-32767)")
	fs.BoolVar(&c.ProtectKernelDefaults, "protect-kernel-defaults", false, "kubelet fails if kernel settings differ from those it wants")
	fs.StringVar(&c.PreloadDir, "preload-dir", k3sflags.ImageDir, "`folder` of image archives imported at start")
	fs.StringVar(&c.PackagedManifests, "packaged-manifests", "/usr/share/proa/manifests", "`folder` of manifests copied to server/manifests at start")
	fs.StringVar(&c.CNIBinDir, "cni-bin-dir", k3sflags.CNIBinDir, "`folder` of the CNI plugins")
	fs.StringVar(&c.ContainerdSocket, "containerd-socket", k3sflags.ContainerdSocket, "`path` of containerd's socket")
	fs.BoolVar(&c.DisableAgent, "disable-agent", false, "run the control plane only")
	return fs
}

// Usage returns the help text of server and agent.
func Usage() string { return new(Config).set().FlagUsagesWrapped(110) }

// Parse merges defaults, the configuration file and the command line, in rising precedence. It returns warnings for
// unknown keys and invalid values, which are ignored.
func Parse(args []string) (c *Config, warnings []string, err error) {
	c = new(Config)
	fs := c.set()
	if err := fs.Parse(args); err != nil {
		return nil, nil, err
	}
	if fs.NArg() > 0 {
		return nil, nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	onCommandLine := map[string]bool{}
	fs.Visit(func(f *pflag.Flag) { onCommandLine[f.Name] = true })
	file, warnings, err := readFiles(c.ConfigFile)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range file {
		if onCommandLine[e.key] || k3sflags.Granted(e.key) {
			continue
		}
		if fs.Lookup(e.key) == nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s", e.file, unknown(e.key)))
			continue
		}
		err := e.set(fs)
		switch {
		case err != nil && e.file == c.ConfigFile:
			return nil, nil, err
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("%v; the key is left out", err))
		}
	}
	return c, append(warnings, c.validate(fs)...), nil
}

// unknown says why a key has no effect.
func unknown(key string) string {
	if text, ok := k3sflags.Instead(key); ok {
		return fmt.Sprintf("%s has no effect: %s", key, text)
	}
	return fmt.Sprintf("unknown key %q skipped", key)
}

func (e entry) set(fs *pflag.FlagSet) error {
	old := fs.Lookup(e.key).Value.String()
	_, list := fs.Lookup(e.key).Value.(pflag.SliceValue)
	if !list && len(e.values) > 1 {
		return fmt.Errorf("%s: %s: want one value, not %d", e.file, e.key, len(e.values))
	}
	for _, value := range e.values {
		if err := fs.Set(e.key, value); err != nil {
			_ = fs.Lookup(e.key).Value.Set(old) // an invalid value sets a number to zero
			return fmt.Errorf("%s: %s: %w", e.file, e.key, err)
		}
	}
	return nil
}
