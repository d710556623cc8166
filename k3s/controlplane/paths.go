package controlplane

import (
	"net"
	"strconv"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/kubeconfig"
)

// Plane is what the three components share.
type Plane struct {
	*flags.Config
	NodeIP    string
	Datastore string // URL of the etcd, or of what serves its API, that the API server keeps everything in
	Report    Reporter
}

func (p Plane) tls(name string) string  { return p.Path("server", "tls", name) }
func (p Plane) cred(name string) string { return p.Path("server", "cred", name+".kubeconfig") }

// URL returns the API server's URL at the given host.
func (p Plane) URL(host string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(p.HTTPSListenPort))
}

// AdminKubeconfig is the path of the kubeconfig that the runtime itself uses.
func (p Plane) AdminKubeconfig() string { return p.cred("admin") }

// WriteKubeconfigs writes the control plane's kubeconfigs, and the administrator's for use from outside.
func (p Plane) WriteKubeconfigs() error {
	local, authority := p.URL("127.0.0.1"), p.tls("server-ca.crt")
	for _, name := range []string{"admin", "controller", "scheduler"} {
		if err := kubeconfig.File(p.cred(name), local, authority, p.tls("client-"+name)); err != nil {
			return err
		}
	}
	return kubeconfig.Portable(p.WriteKubeconfig, p.KubeconfigMode(), p.URL(p.advertised()), authority, p.tls("client-admin"))
}

func (p Plane) advertised() string {
	if p.AdvertiseAddress != "" {
		return p.AdvertiseAddress
	}
	return p.NodeIP
}
