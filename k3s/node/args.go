package node

import (
	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/cmd/kube-proxy/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"

	"github.com/proa-os/proa/k3s/flags"
)

// RefusedArgs returns the user's "flag=value" arguments that the kubelet or kube-proxy would refuse, with the error, by
// the flag they were given with: one invalid argument would end the component, and the process with it.
func (n Node) RefusedArgs() (map[string]map[string]error, error) {
	kubelet, err := options.NewKubeletServer()
	if err != nil {
		return nil, err
	}
	proxy := pflag.NewFlagSet("kube-proxy", pflag.ContinueOnError)
	app.NewOptions().AddFlags(proxy)
	gates := utilfeature.DefaultMutableFeatureGate
	ofKubelet, ofProxy := flags.RefusedArgs(kubeletFlags(kubelet), gates, n.KubeletArgs), flags.RefusedArgs(proxy, gates, n.KubeProxyArgs)
	alone(n.KubeletArgs, ofKubelet, n.tryKubelet)
	alone(n.KubeProxyArgs, ofProxy, n.tryProxy)
	return map[string]map[string]error{"kubelet-arg": ofKubelet, "kube-proxy-arg": ofProxy}, nil
}

// alone validates each of the remaining arguments by itself. An error without any argument is not the user's. Feature
// gates have been validated already, and validating them here would set those of the process.
func alone(texts []string, refused map[string]error, try func(texts []string) error) {
	if len(texts) == 0 || try(nil) != nil {
		return
	}
	for _, text := range texts {
		if name, _ := flags.CutArg(text); refused[text] != nil || name == flags.FeatureGates {
			continue
		}
		if err := try([]string{text}); err != nil {
			refused[text] = err
		}
	}
}

func (n Node) tryKubelet(texts []string) error {
	c := *n.Config
	c.KubeletArgs = texts
	s, err := Node{&c, n.Identity}.kubeletServer()
	if err != nil {
		return err
	}
	s.FailCgroupV1 = false // a property of the machine
	return options.ValidateKubeletServer(s)
}

func (n Node) tryProxy(texts []string) error {
	_, err := n.proxyOptions(texts)
	return err
}
