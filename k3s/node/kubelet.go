package node

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/util/codec"

	"github.com/proa-os/proa/k3s/flags"
)

const (
	kubeletHost = "127.0.0.1"
	// KubeletHealth is the address of /healthz; the port is the kubelet's default.
	KubeletHealth = kubeletHost + ":10248"
	// evictBelow is the percentage of free space, and of free inodes, below which the kubelet evicts pods.
	evictBelow = 5
)

// Kubelet runs the kubelet until the context ends. Then pods are no longer managed, but keep running.
func (n Node) Kubelet(ctx context.Context) error {
	s, err := n.kubeletServer()
	if err != nil {
		return err
	}
	deps, err := app.UnsecuredDependencies(ctx, s, utilfeature.DefaultFeatureGate)
	if err != nil {
		return err
	}
	return app.Run(ctx, s, deps, utilfeature.DefaultFeatureGate)
}

func (n Node) kubeletServer() (*options.KubeletServer, error) {
	s, err := options.NewKubeletServer()
	if err != nil {
		return nil, err
	}
	n.configure(&s.KubeletConfiguration)
	return s, flags.SetArgs(kubeletFlags(s), n.KubeletCommandLine())
}

// KubeletCommandLine returns what the kubelet needs besides its configuration, as "flag=value" texts. The user's are
// last and take precedence.
func (n Node) KubeletCommandLine() []string {
	return append([]string{
		"kubeconfig=" + n.kubeconfig("kubelet"),
		"hostname-override=" + n.Name,
		"node-ip=" + n.IP,
		"node-labels=" + n.kubeletLabels(),
	}, n.KubeletArgs...)
}

// KubeletConfig returns the kubelet's configuration file, without the user's arguments.
func (n Node) KubeletConfig() ([]byte, error) {
	k, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	n.configure(k)
	return codec.EncodeKubeletConfig(k, kubeletv1beta1.SchemeGroupVersion)
}

func (n Node) configure(k *kubeletconfig.KubeletConfiguration) {
	k.RegisterWithTaints, _ = n.Taints()
	n.trust(k)
	n.defaults(k)
}

// trust sets authentication and authorization: clients have a certificate or token, and the API server authorizes them.
func (n Node) trust(k *kubeletconfig.KubeletConfiguration) {
	k.Authentication.Anonymous.Enabled = false
	k.Authentication.Webhook.Enabled = true
	k.Authentication.X509.ClientCAFile = n.agent("client-ca.crt")
	k.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	k.TLSCertFile = n.agent("serving-kubelet.crt")
	k.TLSPrivateKeyFile = n.agent("serving-kubelet.key")
	k.RotateCertificates = false // the runtime renews the files, and the kubelet reloads them
	k.ReadOnlyPort = 0
	k.HealthzBindAddress = kubeletHost
}

// defaults sets the rest: containerd, DNS, eviction, paths. The user's arguments override it.
func (n Node) defaults(k *kubeletconfig.KubeletConfiguration) {
	k.ContainerRuntimeEndpoint = n.criEndpoint()
	k.ImageServiceEndpoint = k.ContainerRuntimeEndpoint
	k.CgroupDriver = "cgroupfs"
	k.FailSwapOn = false
	k.SerializeImagePulls = false
	k.StaticPodPath = n.agent("pod-manifests")
	k.ClusterDNS = []string{n.ClusterDNS}
	k.ClusterDomain = n.ClusterDomain
	k.ResolverConfig = n.podResolvConf()
	k.MakeIPTablesUtilChains = false // the image has nft, not iptables
	least := fmt.Sprintf("%d%%", evictBelow)
	k.EvictionHard = map[string]string{
		"memory.available": "100Mi", "nodefs.available": least, "imagefs.available": least,
		"nodefs.inodesFree": least, "imagefs.inodesFree": least,
	}
	// The disk is both nodefs and imagefs; as in K3s the thresholds for image garbage collection follow those for
	// eviction.
	k.NodeStatusUpdateFrequency = metav1.Duration{Duration: 10 * time.Second}
	k.VolumePluginDir = filepath.Join(n.DataDir, "agent", "libexec", "kubelet-plugins")
}

func kubeletFlags(s *options.KubeletServer) *pflag.FlagSet {
	fs := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	s.AddFlags(fs)
	return fs
}
