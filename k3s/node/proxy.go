package node

import (
	"context"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"github.com/proa-os/proa/k3s/flags"
)

// ProxyCommandLine is what kube-proxy is given as "flag=value" texts; the user's own come last, and win.
func (n Node) ProxyCommandLine() []string { return append(n.proxyArgs(), n.KubeProxyArgs...) }

// ProxyHealth is the address of kube-proxy's /livez.
const ProxyHealth = "127.0.0.1:10256"

func (n Node) proxyArgs() []string {
	return []string{
		"kubeconfig=" + n.kubeconfig("kubeproxy"),
		"proxy-mode=nftables",
		"hostname-override=" + n.Name,
		"cluster-cidr=" + n.ClusterCIDR,
		"healthz-bind-address=" + ProxyHealth,
		"metrics-bind-address=127.0.0.1:10249",
	}
}

// Proxy programs the service rules until the context ends. The rules stay, so that connections of running pods
// continue.
func (n Node) Proxy(ctx context.Context) error {
	opts, err := n.proxyOptions(n.KubeProxyArgs)
	if err != nil {
		return err
	}
	return opts.Run(ctx)
}

func (n Node) proxyOptions(theirs []string) (*app.Options, error) {
	opts := app.NewOptions()
	fs := pflag.NewFlagSet("kube-proxy", pflag.ContinueOnError)
	opts.AddFlags(fs)
	if err := flags.SetArgs(fs, append(n.proxyArgs(), theirs...)); err != nil {
		return nil, err
	}
	if err := opts.Complete(fs); err != nil {
		return nil, err
	}
	return opts, opts.Validate()
}
