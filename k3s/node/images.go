package node

import (
	"context"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/proa-os/proa/k3s/preload"
)

// Images keeps the image archives of this node imported: those of the system, and the user's in agent/images.
func (n Node) Images(report preload.Reporter, progress func(file string)) *preload.Preload {
	return &preload.Preload{
		Packaged: n.PreloadDir, User: n.agent("images"), State: n.agent("images.json"),
		Client: n.client, Pull: n.pullImage, Report: report, Progress: progress,
	}
}

// pullImage pulls like the kubelet: with containerd's CRI, its mirrors and credentials.
func (n Node) pullImage(ctx context.Context, name string) error {
	_, images, hangUp, err := n.criServices()
	if err != nil {
		return err
	}
	defer hangUp()
	_, err = images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
	return err
}
