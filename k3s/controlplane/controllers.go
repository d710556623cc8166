package controlplane

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/config"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllerManagerArgs: a single server, so no leader election; no listening port, so no authentication for it.
func (p Plane) controllerManagerArgs() []arg {
	signers := []arg{}
	for _, kind := range []string{"kube-apiserver-client", "kubelet-client", "legacy-unknown"} {
		signers = append(signers,
			arg{"cluster-signing-" + kind + "-cert-file", p.tls("client-ca.crt")},
			arg{"cluster-signing-" + kind + "-key-file", p.tls("client-ca.key")})
	}
	return append(signers,
		arg{"cluster-signing-kubelet-serving-cert-file", p.tls("server-ca.crt")},
		arg{"cluster-signing-kubelet-serving-key-file", p.tls("server-ca.key")},
		arg{"kubeconfig", p.cred("controller")},
		arg{"secure-port", "0"},
		arg{"leader-elect", "false"},
		arg{"profiling", "false"},
		arg{"use-service-account-credentials", "true"},
		arg{"service-account-private-key-file", p.tls("service.key")},
		arg{"root-ca-file", p.tls("server-ca.crt")},
		arg{"allocate-node-cidrs", "true"},
		arg{"configure-cloud-routes", "false"},
		arg{"cluster-cidr", p.ClusterCIDR},
		arg{"service-cluster-ip-range", p.ServiceCIDR},
		arg{"controllers", "*,tokencleaner"},
	)
}

// ControllerManager runs the controllers until the context ends.
func (p Plane) ControllerManager(ctx context.Context) error {
	all, off, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	config, err := prepared(p, "kube-controller-manager-arg", p.ControllerManagerArgs, func(theirs []string) (*config.Config, error) {
		opts, err := options.NewKubeControllerManagerOptions()
		if err != nil {
			return nil, err
		}
		if err := apply(opts.Flags(all, off, aliases), override(p.controllerManagerArgs(), theirs)); err != nil {
			return nil, err
		}
		return opts.Config(ctx, all, off, aliases)
	})
	if err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}
