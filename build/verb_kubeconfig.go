package main

import (
	"context"
	"flag"

	"github.com/proa-os/proa/build/kubeconfig"
)

const kubeconfigHelp = `
It asks the node by ssh, as you do: with your keys, your known_hosts and your ~/.ssh/config. The kubeconfig names the node
as ssh reaches it and lets its owner do everything in the cluster.

  proa kubeconfig root@192.0.2.7 > edge-1.kubeconfig
  proa kubeconfig root@192.0.2.7 --merge
  proa kubeconfig edge-1 --merge --context harbour

--merge keeps everything else that is in the file, and the file as it was in FILE.before-proa.`

func kubeconfigFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.kubeconfig.Merge, "merge", false, "put it into your kubeconfig: the first of $KUBECONFIG, else ~/.kube/config")
	f.StringVar(&o.kubeconfig.File, "file", "", "with --merge: `file` to put it into")
	f.StringVar(&o.kubeconfig.Context, "context", "", "`name` of the context; default: the node's")
	f.StringVar(&o.kubeconfig.Server, "server", "", "`address` of the API server from here, if it is not the one that ssh uses: HOST, HOST:PORT")
	f.BoolVar(&o.kubeconfig.Force, "force", false, "with --merge: replace a context of that name that belongs to another cluster")
}

func kubeconfigVerb(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return usage("kubeconfig: which node? root@ADDRESS")
	}
	if o := c.opts.kubeconfig; !o.Merge && (o.File != "" || o.Force) {
		return usage("kubeconfig: --file and --force go with --merge")
	}
	return kubeconfig.Run(ctx, c.opts.kubeconfig, c.args[0], c.out)
}
