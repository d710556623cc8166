package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// containerGrace is the time between a container's stop signal and SIGKILL when the kubelet is not involved.
	containerGrace = 20 * time.Second
	// PodsDeadline is the time limit for stopping all pods.
	PodsDeadline = 30 * time.Second
	// listWait is the timeout of containerd's lists.
	listWait = 5 * time.Second
)

// StopPods stops all containers and then all sandboxes of this node, in parallel, within PodsDeadline.
func (n Node) StopPods(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, PodsDeadline)
	defer cancel()
	runtime, _, hangUp, err := n.criServices()
	if err != nil {
		return err
	}
	defer hangUp()
	running := &cri.ContainerFilter{State: &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}}
	listing, stopListing := context.WithTimeout(ctx, listWait)
	defer stopListing()
	containers, err := runtime.ListContainers(listing, &cri.ListContainersRequest{Filter: running})
	if err != nil {
		return err
	}
	err = each(containers.Containers, func(c *cri.Container) error { return stopContainer(ctx, runtime, c) })
	pods, listErr := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	return errors.Join(err, each(pods.Items, func(p *cri.PodSandbox) error {
		_, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.Id})
		return err
	}))
}

// criServices connects to containerd's CRI; call hangUp to close the connection.
func (n Node) criServices() (runtime cri.RuntimeServiceClient, images cri.ImageServiceClient, hangUp func() error, err error) {
	conn, err := grpc.NewClient(n.criEndpoint(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, nil, err
	}
	return cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn), conn.Close, nil
}

func stopContainer(ctx context.Context, runtime cri.RuntimeServiceClient, c *cri.Container) error {
	_, err := runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.Id, Timeout: int64(containerGrace.Seconds())})
	return err
}

// each runs f for all items in parallel and joins the errors.
func each[T any](items []T, f func(T) error) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { errs[i] = f(item) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
