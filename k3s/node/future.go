package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// futureSlack is by how much a pod's creation time may be in the future: for that long it is not probed.
	futureSlack = time.Minute
	// futureDeadline is the time limit for stopping and removing them.
	futureDeadline = 2 * time.Minute
)

// EndFuturePods stops and removes the pods that were created, or have a container that was created, after now: before
// the clock was set back. It returns their names as namespace/name. The kubelet recreates them. Otherwise they would
// not recover: a container whose start lies in the future is not probed before that time (pkg/kubelet/prober,
// worker.go), so its pod is not ready; and the container with the latest creation time counts as the current one
// (pkg/kubelet/container, FindContainerStatusByName), so its replacement is never found.
func (n Node) EndFuturePods(ctx context.Context, now time.Time) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, futureDeadline)
	defer cancel()
	runtime, _, hangUp, err := n.criServices()
	if err != nil {
		return nil, err
	}
	defer hangUp()
	listing, stopListing := context.WithTimeout(ctx, listWait)
	defer stopListing()
	pods, err := runtime.ListPodSandbox(listing, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, err
	}
	containers, err := runtime.ListContainers(listing, &cri.ListContainersRequest{})
	if err != nil {
		return nil, err
	}
	future := futurePods(pods.Items, containers.Containers, now.Add(futureSlack))
	return slices.Sorted(maps.Keys(future)), end(ctx, runtime, slices.Concat(slices.Collect(maps.Values(future))...), containers.Containers)
}

// futurePods returns the sandboxes to remove by pod name. A pod has several after a restart of the machine.
func futurePods(pods []*cri.PodSandbox, containers []*cri.Container, now time.Time) map[string][]string {
	ahead := map[string]bool{}
	for _, c := range containers {
		ahead[c.PodSandboxId] = ahead[c.PodSandboxId] || c.CreatedAt > now.UnixNano()
	}
	future := map[string][]string{}
	for _, p := range pods {
		if ahead[p.Id] || p.CreatedAt > now.UnixNano() {
			name := p.Metadata.GetNamespace() + "/" + p.Metadata.GetName()
			future[name] = append(future[name], p.Id)
		}
	}
	return future
}

// end stops the containers of the sandboxes with their grace period, and removes the sandboxes.
func end(ctx context.Context, runtime cri.RuntimeServiceClient, sandboxes []string, containers []*cri.Container) error {
	err := each(containers, func(c *cri.Container) error {
		if c.State != cri.ContainerState_CONTAINER_RUNNING || !slices.Contains(sandboxes, c.PodSandboxId) {
			return nil
		}
		return stopContainer(ctx, runtime, c)
	})
	return errors.Join(err, each(sandboxes, func(id string) error {
		_, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
		if err == nil {
			_, err = runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
		}
		return err
	}))
}
