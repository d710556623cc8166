// Command separate runs the components of the k3s process as separate upstream programs, on the same machine and with
// the same files and flags; `make bench` compares the memory of both. It runs the runtime's preparation, writes the
// kubelet's configuration and the list of programs, and then execs launch. It takes all flags from k3s/controlplane and
// k3s/node. That is why it is below k3s/ and not in build/bench, its only user: build must compile without Kubernetes.
// It is not meant for running a cluster: it renews no certificates, restarts nothing, and its etcd has no
// authentication.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/node"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/runtime"
)

func main() {
	verb, args := "help", os.Args[1:]
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	run, known := map[string]func(options) error{"server": server, "plan": printPlan, "import": importImages}[verb]
	if !known {
		fmt.Fprintf(os.Stderr, "usage: separate server|plan|import [--bin-dir DIR] [--log-dir DIR] [flags of k3s server]\n%s", flags.Usage())
		os.Exit(2)
	}
	o, err := parse(args)
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "separate: %s: %v\n", verb, err)
		os.Exit(1)
	}
}

// options are our own flags and the runtime's.
type options struct {
	*flags.Config
	BinDir string // directory of the upstream programs, launch and this one
	LogDir string
}

// parse removes our own flags and passes the rest to the runtime's parser.
func parse(args []string) (options, error) {
	self, err := os.Executable()
	if err != nil {
		return options{}, err
	}
	o := options{}
	own := pflag.NewFlagSet("separate", pflag.ContinueOnError)
	own.ParseErrorsAllowlist.UnknownFlags = true
	own.StringVar(&o.BinDir, "bin-dir", filepath.Dir(self), "")
	own.StringVar(&o.LogDir, "log-dir", "/var/log/proa/separate", "")
	if err := own.Parse(args); err != nil {
		return o, err
	}
	o.Config, _, err = flags.Parse(without(args, "--bin-dir", "--log-dir"))
	return o, err
}

// without removes flags of the form --name=value.
func without(args []string, names ...string) (rest []string) {
next:
	for _, arg := range args {
		for _, name := range names {
			if strings.HasPrefix(arg, name+"=") {
				continue next
			}
		}
		rest = append(rest, arg)
	}
	return rest
}

// setup is what the plan is made from: the control plane and the node as the runtime would run them.
type setup struct {
	options
	plane controlplane.Plane
	node  node.Node
}

func (o options) setup(plane controlplane.Plane, n node.Node) setup {
	plane.Datastore = "http://" + etcdClients // not kine's socket
	return setup{o, plane, n}
}

// identify finds this node on the network, and touches no file.
func (o options) identify() (setup, error) {
	id, err := address.Identify(context.Background(), o.Config, func(reason error) {
		fmt.Fprintln(os.Stderr, "separate: waiting:", reason)
	})
	return o.setup(controlplane.Plane{Config: o.Config, NodeIP: id.IP}, node.Node{Config: o.Config, Identity: id}), err
}

func printPlan(o options) error {
	s, err := o.identify()
	if err == nil {
		fmt.Print(s.plan())
	}
	return err
}

func importImages(o options) error {
	s, err := o.identify()
	if err != nil {
		return err
	}
	return s.node.Images(new(notify.Notifier), func(file string) { fmt.Println("importing", file) }).Once(context.Background())
}

// server prepares and then executes launch (exec), so that the preparation uses no memory afterwards.
func server(o options) error {
	plane, n, err := runtime.New(o.Config, new(notify.Notifier)).Prepare(context.Background())
	if err != nil {
		return err
	}
	s := o.setup(plane, n)
	file := s.Path("separate", "plan.json")
	if err := s.write(file); err != nil {
		return err
	}
	launch := filepath.Join(s.BinDir, "launch")
	return fmt.Errorf("%s: %w", launch, syscall.Exec(launch, []string{launch, file}, os.Environ()))
}

// write writes the kubelet's configuration, which the runtime sets in memory, and the plan.
func (s setup) write(plan string) error {
	if err := os.MkdirAll(filepath.Dir(plan), 0o700); err != nil {
		return err
	}
	kubelet, err := s.node.KubeletConfig()
	if err != nil {
		return fmt.Errorf("kubelet's configuration: %w", err)
	}
	if err := atomicfile.Write(s.kubeletConfigFile(), kubelet, 0o600); err != nil {
		return err
	}
	return s.plan().Write(plan)
}
