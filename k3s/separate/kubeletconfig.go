package main

import (
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/proa-os/proa/images/atomicfile"
)

func (s setup) kubelet() []string {
	args := []string{
		opt("config", s.kubeletConfigFile()),
		opt("kubeconfig", s.agent("kubelet.kubeconfig")),
		opt("hostname-override", s.Node.Name),
		opt("node-ip", s.Node.IP),
	}
	if len(s.NodeLabels) > 0 {
		args = append(args, opt("node-labels", s.NodeLabels...))
	}
	if len(s.NodeTaints) > 0 {
		args = append(args, opt("register-with-taints", s.NodeTaints...))
	}
	return append(args, dashed(s.KubeletArgs)...)
}

func (s setup) kubeletConfigFile() string { return s.Path("separate", "kubelet.yaml") }

// kubeletConfig returns the settings of k3s/node/kubelet.go in upstream's file format; parity_test.go compares the two.
func (s setup) kubeletConfig() kubelet.KubeletConfiguration {
	yes, no := true, false
	return kubelet.KubeletConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: kubelet.SchemeGroupVersion.String(), Kind: "KubeletConfiguration"},
		Authentication: kubelet.KubeletAuthentication{
			Anonymous: kubelet.KubeletAnonymousAuthentication{Enabled: &no},
			Webhook:   kubelet.KubeletWebhookAuthentication{Enabled: &yes},
			X509:      kubelet.KubeletX509Authentication{ClientCAFile: s.agent("client-ca.crt")},
		},
		Authorization:      kubelet.KubeletAuthorization{Mode: kubelet.KubeletAuthorizationModeWebhook},
		TLSCertFile:        s.agent("serving-kubelet.crt"),
		TLSPrivateKeyFile:  s.agent("serving-kubelet.key"),
		RotateCertificates: false,
		ReadOnlyPort:       0,
		HealthzBindAddress: "127.0.0.1",

		ContainerRuntimeEndpoint: "unix://" + s.ContainerdSocket,
		ImageServiceEndpoint:     "unix://" + s.ContainerdSocket,
		CgroupDriver:             "cgroupfs",

		FailSwapOn:             &no,
		SerializeImagePulls:    &no,
		StaticPodPath:          s.agent("pod-manifests"),
		ClusterDNS:             []string{s.ClusterDNS},
		ClusterDomain:          s.ClusterDomain,
		ResolverConfig:         s.podResolvConf(),
		MakeIPTablesUtilChains: &no,
		EvictionHard: map[string]string{
			"memory.available": "100Mi", "nodefs.available": "5%", "imagefs.available": "5%",
			"nodefs.inodesFree": "5%", "imagefs.inodesFree": "5%",
		},
		NodeStatusUpdateFrequency: metav1.Duration{Duration: 10 * time.Second},
		VolumePluginDir:           s.agent("libexec/kubelet-plugins"),
	}
}

// podResolvConf chooses between the files that node.Files wrote, as the runtime does.
func (s setup) podResolvConf() *string {
	path := "/etc/resolv.conf"
	if s.ResolvConf != "" {
		path = s.ResolvConf
	}
	if own := s.agent("etc/resolv.conf"); exists(own) {
		path = own
	}
	return &path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s setup) writeKubeletConfig() error {
	data, err := yaml.Marshal(s.kubeletConfig())
	if err != nil {
		return err
	}
	_, err = atomicfile.WriteIfChanged(s.kubeletConfigFile(), []byte(strings.TrimSpace(string(data))+"\n"), 0o600)
	return err
}
