package cli

import "github.com/proa-os/proa/init/adminconfig"

const kubeconfigHelp = `It goes to standard output and lets its owner do everything in the cluster: keep it for yourself.

Without --server it names the node's own address. --server takes a name or an address at which this node is reached from
where kubectl runs, with another port if need be: edge-1.example.org, [2001:db8::7]:16443, https://127.0.0.1:16443.
On the host ` + "`go run ./build kubeconfig root@ADDRESS --merge`" + ` puts it into ~/.kube/config.

Examples:
  ssh root@ADDRESS proa kubeconfig > edge-1.kubeconfig
  proa kubeconfig --server edge-1.example.org --context edge-1
`

func kubeconfigVerb(e Env, args []string) error {
	var w adminconfig.Wish
	flags := flags(e, "kubeconfig")
	flags.StringVar(&w.Server, "server", "", "`address` of the API server as others reach it: HOST, HOST:PORT or https://HOST:PORT")
	flags.StringVar(&w.Context, "context", "", "`name` of context, cluster and user; default: the node's name")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := noArgs(flags.Args()); err != nil {
		return err
	}
	s, err := e.status()
	if err != nil {
		return err
	}
	return w.Write(e.Out, e.Root, s)
}
