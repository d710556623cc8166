// Package runtime is the order of things: which components make a server, what each waits for, and how they end.
// It starts, watches and stops; what a component does is in the packages beside it.
package runtime

import (
	"context"
	"time"

	"github.com/proa-os/proa/k3s/node"
)

// Component is one part of the process.
type Component struct {
	Name string
	// After names the components that must be ready before this one starts.
	After []string
	// Run works until the context ends. Returning earlier, with or without an error, ends the whole process.
	Run func(context.Context) error
	// Ready returns nil once others may rely on the component. None: as soon as it runs.
	Ready func(context.Context) error
	// Deadline ends the process when the component is not ready by then.
	Deadline time.Duration
	// Stop is how long Run may take to return, when longer than usual.
	Stop time.Duration
}

// startWait is generous: a start that is slow would otherwise be repeated for ever on a machine that is slow.
const startWait = 30 * time.Minute

// Components is the server, in start order; stopping goes from the last to the first.
func (s *Server) Components() []Component {
	all := []Component{
		{Name: "certificates", Run: s.keepCertificates},
		{Name: "address", Run: s.followAddress},
		{Name: "datastore", Run: s.datastore},
		{Name: "apiserver", After: []string{"datastore"}, Run: s.plane.APIServer, Ready: s.apiServerReady, Deadline: startWait},
		{Name: "controller-manager", After: []string{"apiserver"}, Run: s.plane.ControllerManager},
		{Name: "scheduler", After: []string{"apiserver"}, Run: s.plane.Scheduler},
		{Name: "manifests", After: []string{"apiserver"}, Run: s.manifests, Ready: s.manifestsApplied.check},
	}
	if s.config.DisableAgent {
		return all
	}
	return append(all,
		Component{Name: "containerd", Run: s.node.Containerd, Ready: s.node.ContainerdReady, Deadline: startWait},
		Component{Name: "room", After: []string{"containerd"}, Run: s.makeRoom, Ready: s.roomMade.check},
		// After the API server, whose own start has deadlines of half a minute that a busy slow machine would miss.
		Component{Name: "images", After: []string{"containerd", "room", "apiserver"}, Run: s.images, Ready: s.imagesImported.check},
		// Stopped after the kubelet, which would start again what this stops when the machine goes down. It needs only
		// containerd: pods of the process before us run already.
		Component{Name: "pods", After: []string{"containerd"}, Run: s.pods, Stop: node.PodsDeadline + time.Second},
		Component{Name: "future-pods", After: []string{"containerd"}, Run: s.futurePods, Ready: s.futurePodsEnded.check},
		Component{Name: "kubelet", After: []string{"pods", "room", "future-pods", "images", "apiserver"}, Run: s.node.Kubelet, Ready: kubeletReady, Deadline: startWait},
		Component{Name: "flannel", After: []string{"kubelet", "controller-manager", "manifests"}, Run: s.node.Flannel, Ready: s.node.FlannelReady},
		Component{Name: "kube-proxy", After: []string{"kubelet"}, Run: s.proxy, Ready: proxyReady},
		Component{Name: "name-servers", Run: s.followNameServers},
		Component{Name: "node", After: []string{"kubelet", "flannel", "kube-proxy"}, Run: s.reportNode},
	)
}
