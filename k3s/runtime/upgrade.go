package runtime

import (
	"context"
	"slices"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/k3s/upgrade/controller"
	"github.com/proa-os/proa/k3s/upgrade/onnode"
)

// upgradeManifest is the packaged manifest with the resource Upgrade; --disable names it without .yaml.
const upgradeManifest = "upgrades"

// upgrades carries out Upgrades: it asks nodes, this one among them, to upgrade themselves.
func (s *Server) upgrades(ctx context.Context) error {
	if slices.Contains(s.config.Disable, upgradeManifest) {
		<-ctx.Done()
		return nil
	}
	config, err := s.admin()
	if err != nil {
		return err
	}
	c, err := controller.New(config, s.node.Name, func(format string, args ...any) { s.notify.Status("upgrades: "+format, args...) })
	if err != nil {
		return err
	}
	c.Run(ctx)
	return nil
}

// nodeUpgrade passes the cluster's requests to this node on to PID 1.
func (s *Server) nodeUpgrade(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", s.node.KubeletKubeconfig())
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	const key = "upgrade request"
	a := &onnode.Agent{
		Client: client, Node: s.node.Name, Version: releasefile.Read(releasefile.Path, "unknown").Version, File: nodeupgrade.File, Log: nodeupgrade.LogFile, Tell: s.notify.Upgrade,
		Problem: func(line string) {
			if line == "" {
				s.notify.Solved(key)
				return
			}
			s.notify.Problem(key, line)
		},
	}
	a.Run(ctx)
	return nil
}
