// Package runtime starts and stops the components of a server in order: which components there are, their dependencies,
// and what happens when one ends. The components themselves are in other packages.
package runtime

import (
	"context"
	"time"

	"github.com/proa-os/proa/k3s/node"
)

// Component is one component of the process.
type Component struct {
	Name string
	// After names the components that must be ready before this one starts.
	After []string
	// Run runs until the context ends. If it returns earlier, with or without an error, the whole process ends.
	Run func(context.Context) error
	// Ready returns nil once others may depend on the component. nil: ready as soon as it runs.
	Ready func(context.Context) error
	// Deadline is the time limit for becoming ready; after it the process ends.
	Deadline time.Duration
	// Stop is how long Run may take to return, if longer than stopWait.
	Stop time.Duration
}

// startWait is long, because otherwise a slow machine would restart forever.
const startWait = 30 * time.Minute

// Components returns the components of a server in start order; they are stopped in reverse.
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
		// After the API server, whose start has deadlines of half a minute that a busy slow machine would miss.
		Component{Name: "images", After: []string{"containerd", "room", "apiserver"}, Run: s.images, Ready: s.imagesImported.check},
		// Stopped after the kubelet, which would restart the containers that this stops at shutdown. It needs only
		// containerd: pods of an earlier process already run.
		Component{Name: "pods", After: []string{"containerd"}, Run: s.pods, Stop: node.PodsDeadline + time.Second},
		Component{Name: "future-pods", After: []string{"containerd"}, Run: s.futurePods, Ready: s.futurePodsEnded.check},
		Component{Name: "kubelet", After: []string{"pods", "room", "future-pods", "images", "apiserver"}, Run: s.node.Kubelet, Ready: kubeletReady, Deadline: startWait},
		Component{Name: "flannel", After: []string{"kubelet", "controller-manager", "manifests"}, Run: s.node.Flannel, Ready: s.node.FlannelReady},
		Component{Name: "kube-proxy", After: []string{"kubelet"}, Run: s.proxy, Ready: proxyReady},
		Component{Name: "name-servers", Run: s.followNameServers},
		Component{Name: "node", After: []string{"kubelet", "flannel", "kube-proxy"}, Run: s.reportNode},
	)
}
