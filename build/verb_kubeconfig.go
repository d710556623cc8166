package main

import (
	"context"

	"github.com/proa-os/proa/build/kubeconfig"
)

func kubeconfigVerb(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usage("kubeconfig: no node given; want root@ADDRESS")
	}
	if o := c.opts.kubeconfig; !o.Merge && (o.File != "" || o.Force) {
		return usage("kubeconfig: --file and --force go with --merge")
	}
	return kubeconfig.Run(ctx, c.opts.kubeconfig, c.args[0], c.out)
}
