// Package runtime runs the components of a server or a node in one process: which components there are, whose they are,
// what they depend on, and what is prepared before the first one starts. The components themselves are in other
// packages, and k3s/lifecycle starts and stops them.
package runtime

import (
	"time"

	"github.com/proa-os/proa/k3s/lifecycle"
	"github.com/proa-os/proa/k3s/node"
)

const (
	server = lifecycle.Server
	agent  = lifecycle.Agent
	both   = server | agent // those that either role has
)

// startWait is long, because otherwise a slow machine would restart forever.
const startWait = 30 * time.Minute

// role returns what this machine is in its cluster.
func (s *Server) role() lifecycle.Role {
	if s.config.DisableAgent {
		return server
	}
	return server | agent
}

// components is the table of all components in start order; they are stopped in reverse. A machine has those of its
// role.
func (s *Server) components() []lifecycle.Component {
	return []lifecycle.Component{
		{Name: "certificates", Roles: both, Run: s.keepCertificates},
		{Name: "address", Roles: both, Run: s.followAddress},

		{Name: "datastore", Roles: server, Run: s.datastore},
		{Name: "apiserver", Roles: server, After: []string{"datastore"},
			Run: s.plane.APIServer, Ready: s.apiServerReady, Deadline: startWait},
		{Name: "controller-manager", Roles: server, After: []string{"apiserver"}, Run: s.plane.ControllerManager},
		{Name: "scheduler", Roles: server, After: []string{"apiserver"}, Run: s.plane.Scheduler},
		{Name: "manifests", Roles: server, After: []string{"apiserver"}, Run: s.manifests, Ready: s.manifestsApplied.check},
		{Name: "upgrades", Roles: server, After: []string{"manifests"}, Run: s.upgrades},

		{Name: "containerd", Roles: agent, Run: s.node.Containerd, Ready: s.node.ContainerdReady, Deadline: startWait},
		{Name: "room", Roles: agent, After: []string{"containerd"}, Run: s.makeRoom, Ready: s.roomMade.check},
		// After the API server, whose start has deadlines of half a minute that a busy slow machine would miss.
		{Name: "images", Roles: agent, After: []string{"containerd", "room", "apiserver"},
			Run: s.images, Ready: s.imagesImported.check},
		// Stopped after the kubelet, which would restart the containers that this stops at shutdown. It needs only
		// containerd: pods of an earlier process already run.
		{Name: "pods", Roles: agent, After: []string{"containerd"}, Run: s.pods, Stop: node.PodsDeadline + time.Second},
		{Name: "future-pods", Roles: agent, After: []string{"containerd"}, Run: s.futurePods, Ready: s.futurePodsEnded.check},
		{Name: "kubelet", Roles: agent, After: []string{"pods", "room", "future-pods", "images", "apiserver"},
			Run: s.node.Kubelet, Ready: kubeletReady, Deadline: startWait},
		{Name: "flannel", Roles: agent, After: []string{"kubelet", "controller-manager", "manifests"},
			Run: s.node.Flannel, Ready: s.node.FlannelReady},
		{Name: "kube-proxy", Roles: agent, After: []string{"kubelet"}, Run: s.proxy, Ready: proxyReady},
		{Name: "name-servers", Roles: agent, Run: s.followNameServers},
		{Name: "node-upgrade", Roles: agent, After: []string{"kubelet"}, Run: s.nodeUpgrade},
		{Name: "node", Roles: agent, After: []string{"kubelet", "flannel", "kube-proxy"}, Run: s.reportNode},
	}
}
