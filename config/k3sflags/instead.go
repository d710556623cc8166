package k3sflags

import "strings"

// Instead says what to do instead of using a flag of K3s that the runtime does not have, and whether it is one.
func Instead(flag string) (text string, ok bool) {
	if text, ok = instead[flag]; ok {
		return text, true
	}
	for _, f := range families {
		if strings.HasPrefix(flag, f[0]) {
			return f[1], true
		}
	}
	return "", false
}

// AllInstead returns the flags that Instead knows by name, and families of them as PREFIX….
func AllInstead() map[string]string {
	out := map[string]string{}
	for flag, text := range instead {
		out[flag] = text
	}
	for _, f := range families {
		out[f[0]+"…"] = f[1]
	}
	return out
}

// families are flags whose names begin alike.
var families = [][2]string{
	{"cluster-reset", "the datastore is SQLite on the data partition in this release"},
	{"datastore-", "the datastore is SQLite on the data partition in this release"},
	{"etcd-", "the datastore is SQLite on the data partition in this release"},
	{"image-credential-provider-", "credentials of registries are in /etc/rancher/k3s/registries.yaml"},
	{"vpn-auth", "there is no VPN in this release"},
}

// oneContainerd is the reason for flags about the container runtime.
const oneContainerd = "containerd is part of the runtime, with overlayfs and crun"

// instead says what to do instead of using these flags of K3s.
var instead = map[string]string{
	"advertise-port":                    "the API is advertised at --https-listen-port",
	"agent-token":                       "one token serves both roles: token",
	"agent-token-file":                  "one token serves both roles: token",
	"airgap-extra-registry":             "images for use without a network are archives in /var/lib/rancher/k3s/agent/images",
	"alsologtostderr":                   "the log is read with proa logs k3s",
	"cluster-init":                      "a cluster has one server in this release",
	"container-runtime-endpoint":        oneContainerd,
	"debug":                             "use --v=LEVEL",
	"default-local-storage-path":        "local-path volumes are below /var/lib/rancher/k3s/storage",
	"default-runtime":                   oneContainerd,
	"disable-apiserver":                 "a server has all of the control plane in this release",
	"disable-controller-manager":        "a server has all of the control plane in this release",
	"disable-default-registry-endpoint": "list the endpoints of a mirror in /etc/rancher/k3s/registries.yaml",
	"disable-kube-proxy":                "kube-proxy always runs in this release",
	"disable-scheduler":                 "a server has all of the control plane in this release",
	"docker":                            "containerd is the only container runtime",
	"egress-selector-mode":              "the API server reaches nodes directly",
	"embedded-registry":                 "nodes do not share images in this release",
	"enable-pprof":                      "there is no profiling endpoint",
	"flannel-cni-conf":                  "flannel's CNI configuration is part of the image; for another network use --flannel-backend=none",
	"flannel-conf":                      "flannel is configured by --flannel-backend and --flannel-iface",
	"flannel-external-ip":               "the node has one address: --node-ip",
	"flannel-ipv6-masq":                 "pods have IPv4 addresses only in this release",
	"helm-job-image":                    "there is no Helm controller in this release",
	"image-service-endpoint":            oneContainerd,
	"kine-tls":                          "the datastore is SQLite on the data partition in this release",
	"kube-cloud-controller-manager-arg": "there is no cloud controller in this release",
	"kube-cloud-controller-arg":         "there is no cloud controller in this release",
	"kubeconfig-name":                   "proa kubeconfig --name names the context",
	"lb-server-port":                    "a cluster has one server in this release",
	"log":                               "the log is read with proa logs k3s",
	"node-external-dns":                 "the node has one name: hostname",
	"node-external-ip":                  "the node has one address: --node-ip",
	"node-internal-dns":                 "the node has one name: hostname",
	"nonroot-devices":                   oneContainerd,
	"pause-image":                       "the pause image is part of the image",
	"prefer-bundled-bin":                "programs of the image are the only ones",
	"rootless":                          "the runtime runs as root",
	"secrets-encryption":                "not in this release; --kube-apiserver-arg=encryption-provider-config=FILE works",
	"secrets-encryption-provider":       "not in this release; --kube-apiserver-arg=encryption-provider-config=FILE works",
	"selinux":                           "there is no SELinux",
	"servicelb-namespace":               "there is no service load balancer in this release",
	"snapshotter":                       "containerd's overlayfs is the only snapshotter",
	"supervisor-metrics":                "metrics of the components are served by the API server",
	"system-default-registry":           "list a mirror for docker.io in /etc/rancher/k3s/registries.yaml",
	"tls-san-security":                  "only the names in --tls-san are ever added to the certificate",
	"token-file":                        "the token itself: token",
	"vmodule":                           "use --v=LEVEL",
	"with-node-id":                      "the node's name is its hostname",
	"write-kubeconfig-group":            "root alone reads the kubeconfig; ssh in and copy it, or run proa kubeconfig",
}
