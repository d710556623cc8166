package k3sflags

import "time"

// StopGrace is the time between the signal that stops the runtime, pods included, and the SIGKILL of its supervisor.
const StopGrace = 45 * time.Second

// Defaults of flags that are also used outside of the runtime: by PID 1, the firewall, the commands and the build. The
// runtime's flag set uses the same constants.
const (
	ConfigFile       = "/etc/rancher/k3s/config.yaml"        // --config; PID 1 writes it at every boot
	DataDir          = "/var/lib/rancher/k3s"                // --data-dir
	KubeconfigFile   = "/etc/rancher/k3s/k3s.yaml"           // --write-kubeconfig
	RegistriesFile   = "/etc/rancher/k3s/registries.yaml"    // --private-registry
	ContainerdSocket = "/run/k3s/containerd/containerd.sock" // --containerd-socket
	ImageDir         = "/usr/share/proa/images"              // --preload-dir; the build puts image archives there
	CNIBinDir        = "/usr/libexec/cni"                    // --cni-bin-dir; the build puts the plugins there
	ClusterCIDR      = "10.42.0.0/16"                        // --cluster-cidr
	ClusterDomain    = "cluster.local"                       // --cluster-domain
	ServiceCIDR      = "10.43.0.0/16"                        // --service-cidr
	APIPort          = 6443                                  // --https-listen-port
)

// Database is the path of a server's database below its data directory.
const Database = "server/db/state.db"

// TimelineFile is where the runtime leaves the timeline of its preparation (config/step). It is in memory: after a
// restart of the machine there is none before the runtime has run.
const TimelineFile = "/run/k3s/timeline.json"
