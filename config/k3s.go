package config

// K3s has the settings of the runtime.
type K3s struct {
	// Enabled starts the runtime. false: the machine boots without Kubernetes.
	Enabled bool `yaml:"enabled" default:"true"`

	// Role of the node: server runs the control plane and pods, agent only pods. Empty: agent if ServerURL is set, else server.
	Role string `yaml:"role" enum:",server,agent"`

	// ServerURL is the server to join.
	ServerURL string `yaml:"server_url" check:"url" example:"https://192.168.1.10:6443"`

	// Token is the shared secret of the cluster.
	Token string `yaml:"token" check:"token,quoted" secret:"true" example:"K10…::server:…"`

	// Args are further flags of the runtime, as on its command line: --flag=value, or --flag for a switch. The
	// supported flags are listed at the end of REFERENCE.md.
	Args []string `yaml:"args" check:"flag" secret:"flags" example:"--disable=local-storage"`

	// Labels the node registers with. Below kubernetes.io and k8s.io only those that Kubernetes lets a node set itself,
	// so no roles.
	Labels map[string]string `yaml:"labels" check:"labelkey" values:"labelvalue" example:"region=quay"`

	// Taints the node registers with, KEY=VALUE:EFFECT.
	Taints []string `yaml:"taints" check:"taint" example:"gpu=true:NoSchedule"`
}
