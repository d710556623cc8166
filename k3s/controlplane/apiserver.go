package controlplane

import (
	"context"
	"fmt"
	"strconv"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiServerArgs sets authentication, authorization, keys and the datastore.
func (p Plane) apiServerArgs() []arg {
	issuer := "https://kubernetes.default.svc." + p.ClusterDomain
	return []arg{
		{"etcd-servers", p.Datastore},
		{"storage-backend", "etcd3"},
		{"bind-address", p.BindAddress},
		{"secure-port", strconv.Itoa(p.HTTPSListenPort)},
		{"advertise-address", p.advertised()},
		{"service-cluster-ip-range", p.ServiceCIDR},
		{"tls-cert-file", p.tls("serving-kube-apiserver.crt")},
		{"tls-private-key-file", p.tls("serving-kube-apiserver.key")},

		{"anonymous-auth", "false"},
		{"authorization-mode", "Node,RBAC"},
		{"enable-admission-plugins", "NodeRestriction"},
		{"enable-bootstrap-token-auth", "true"},
		{"client-ca-file", p.tls("client-ca.crt")},
		{"allow-privileged", "true"},
		{"profiling", "false"},

		{"kubelet-certificate-authority", p.tls("server-ca.crt")},
		{"kubelet-client-certificate", p.tls("client-kube-apiserver.crt")},
		{"kubelet-client-key", p.tls("client-kube-apiserver.key")},
		{"kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"},

		{"requestheader-client-ca-file", p.tls("request-header-ca.crt")},
		{"requestheader-allowed-names", "system:auth-proxy"},
		{"requestheader-extra-headers-prefix", "X-Remote-Extra-"},
		{"requestheader-group-headers", "X-Remote-Group"},
		{"requestheader-username-headers", "X-Remote-User"},
		{"proxy-client-cert-file", p.tls("client-auth-proxy.crt")},
		{"proxy-client-key-file", p.tls("client-auth-proxy.key")},
		{"enable-aggregator-routing", "true"},
		{"shutdown-send-retry-after", "true"}, // otherwise stopping waits a minute for clients with open connections

		{"service-account-issuer", issuer},
		{"api-audiences", issuer + ",k3s"},
		{"service-account-key-file", p.tls("service.key")},
		{"service-account-signing-key-file", p.tls("service.key")},
	}
}

// APIServer serves until the context ends. It must be the first component: feature gates are global to the process, and
// its arguments set them.
func (p Plane) APIServer(ctx context.Context) error {
	completed, err := prepared(p, "kube-apiserver-arg", p.APIServerArgs, func(theirs []string) (options.CompletedOptions, error) {
		return p.apiServerOptions(ctx, theirs)
	})
	if err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	return app.Run(ctx, completed)
}

func (p Plane) apiServerOptions(ctx context.Context, theirs []string) (completed options.CompletedOptions, err error) {
	opts := options.NewServerRunOptions()
	if err := apply(opts.Flags(), override(p.apiServerArgs(), theirs)); err != nil {
		return completed, err
	}
	if err := opts.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return completed, fmt.Errorf("feature gates: %w", err)
	}
	if completed, err = opts.Complete(ctx); err != nil {
		return completed, err
	}
	return completed, utilerrors.NewAggregate(completed.Validate())
}
