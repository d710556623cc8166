package main

import "strconv"

// The flags below are those of k3s/controlplane and k3s/node, which set them inside the process; parity_test.go
// compares the two lists. Each difference has its reason beside it.

func (s setup) apiServer() []string {
	issuer := "https://kubernetes.default.svc." + s.ClusterDomain
	advertised := s.AdvertiseAddress
	if advertised == "" {
		advertised = s.Node.IP
	}
	return append([]string{
		opt("etcd-servers", "http://"+etcdClients), // instead of kine's socket
		opt("storage-backend", "etcd3"),
		opt("bind-address", s.BindAddress),
		opt("secure-port", strconv.Itoa(s.HTTPSListenPort)),
		opt("advertise-address", advertised),
		opt("service-cluster-ip-range", s.ServiceCIDR),
		opt("tls-cert-file", s.tls("serving-kube-apiserver.crt")),
		opt("tls-private-key-file", s.tls("serving-kube-apiserver.key")),

		opt("anonymous-auth", "false"),
		opt("authorization-mode", "Node", "RBAC"),
		opt("enable-admission-plugins", "NodeRestriction"),
		opt("enable-bootstrap-token-auth", "true"),
		opt("client-ca-file", s.tls("client-ca.crt")),
		opt("allow-privileged", "true"),
		opt("profiling", "false"),
		opt("shutdown-send-retry-after", "true"),

		opt("kubelet-certificate-authority", s.tls("server-ca.crt")),
		opt("kubelet-client-certificate", s.tls("client-kube-apiserver.crt")),
		opt("kubelet-client-key", s.tls("client-kube-apiserver.key")),
		opt("kubelet-preferred-address-types", "InternalIP", "ExternalIP", "Hostname"),

		opt("requestheader-client-ca-file", s.tls("request-header-ca.crt")),
		opt("requestheader-allowed-names", "system:auth-proxy"),
		opt("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
		opt("requestheader-group-headers", "X-Remote-Group"),
		opt("requestheader-username-headers", "X-Remote-User"),
		opt("proxy-client-cert-file", s.tls("client-auth-proxy.crt")),
		opt("proxy-client-key-file", s.tls("client-auth-proxy.key")),
		opt("enable-aggregator-routing", "true"),

		opt("service-account-issuer", issuer),
		opt("api-audiences", issuer, "k3s"),
		opt("service-account-key-file", s.tls("service.key")),
		opt("service-account-signing-key-file", s.tls("service.key")),
	}, dashed(s.APIServerArgs)...)
}

func (s setup) controllerManager() []string {
	var signers []string
	for _, kind := range []string{"kube-apiserver-client", "kubelet-client", "legacy-unknown"} {
		signers = append(signers,
			opt("cluster-signing-"+kind+"-cert-file", s.tls("client-ca.crt")),
			opt("cluster-signing-"+kind+"-key-file", s.tls("client-ca.key")))
	}
	return append(append(signers,
		opt("cluster-signing-kubelet-serving-cert-file", s.tls("server-ca.crt")),
		opt("cluster-signing-kubelet-serving-key-file", s.tls("server-ca.key")),
		opt("kubeconfig", s.cred("controller")),
		opt("secure-port", "0"),
		opt("leader-elect", "false"),
		opt("profiling", "false"),
		opt("use-service-account-credentials", "true"),
		opt("service-account-private-key-file", s.tls("service.key")),
		opt("root-ca-file", s.tls("server-ca.crt")),
		opt("allocate-node-cidrs", "true"),
		opt("configure-cloud-routes", "false"),
		opt("cluster-cidr", s.ClusterCIDR),
		opt("service-cluster-ip-range", s.ServiceCIDR),
		opt("controllers", "*", "tokencleaner"),
	), dashed(s.ControllerManagerArgs)...)
}

func (s setup) scheduler() []string {
	return append([]string{
		opt("kubeconfig", s.cred("scheduler")),
		opt("secure-port", "0"),
		opt("leader-elect", "false"),
		opt("profiling", "false"),
	}, dashed(s.SchedulerArgs)...)
}

func (s setup) proxy() []string {
	return append([]string{
		opt("kubeconfig", s.agent("kubeproxy.kubeconfig")),
		opt("proxy-mode", "nftables"),
		opt("hostname-override", s.Node.Name),
		opt("cluster-cidr", s.ClusterCIDR),
		opt("healthz-bind-address", "127.0.0.1:10256"),
		opt("metrics-bind-address", "127.0.0.1:10249"),
	}, dashed(s.KubeProxyArgs)...)
}

// dashed returns command-line flags for the runtime's "flag=value" arguments.
func dashed(texts []string) (args []string) {
	for _, text := range texts {
		args = append(args, "--"+text)
	}
	return args
}
