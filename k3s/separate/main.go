// Command separate runs the components of the k3s process as separate upstream programs, on the same machine with the
// same files, so that `make bench` can compare both. It writes certificates, kubeconfigs and configuration with the
// runtime's own code, and then executes launch. Do not run a cluster with it: it renews nothing, restarts nothing, and
// its etcd trusts everybody on the machine.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/deploy"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/node"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/pki"
)

func main() {
	verb, args := "help", os.Args[1:]
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	run, known := map[string]func([]string) error{"server": server, "plan": printPlan, "import": importImages}[verb]
	if !known {
		fmt.Fprintf(os.Stderr, "usage: separate server|plan|import [--bin-dir DIR] [flags of k3s server]\n%s", flags.Usage())
		os.Exit(2)
	}
	if err := run(args); err != nil {
		fmt.Fprintf(os.Stderr, "separate: %s: %v\n", verb, err)
		os.Exit(1)
	}
}

// setup is the input of every step.
type setup struct {
	*flags.Config
	Node   address.Identity
	BinDir string // directory of the upstream programs, launch and this one
	LogDir string
}

// parse removes our own flags and passes the rest to the runtime's parser.
func parse(args []string) (setup, error) {
	self, err := os.Executable()
	if err != nil {
		return setup{}, err
	}
	s := setup{}
	own := pflag.NewFlagSet("separate", pflag.ContinueOnError)
	own.ParseErrorsAllowlist.UnknownFlags = true
	own.StringVar(&s.BinDir, "bin-dir", filepath.Dir(self), "")
	own.StringVar(&s.LogDir, "log-dir", "/var/log/proa/separate", "")
	if err := own.Parse(args); err != nil {
		return s, err
	}
	s.Config, _, err = flags.Parse(without(args, "--bin-dir", "--log-dir"))
	if err != nil {
		return s, err
	}
	s.Node, err = address.Identify(context.Background(), s.Config, func(reason error) {
		fmt.Fprintln(os.Stderr, "separate: waiting:", reason)
	})
	return s, err
}

// without removes flags of the form --name=value.
func without(args []string, names ...string) (rest []string) {
next:
	for _, arg := range args {
		for _, name := range names {
			if len(arg) > len(name) && arg[:len(name)+1] == name+"=" {
				continue next
			}
		}
		rest = append(rest, arg)
	}
	return rest
}

func printPlan(args []string) error {
	s, err := parse(args)
	if err == nil {
		fmt.Print(s.plan())
	}
	return err
}

func importImages(args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	n := node.Node{Config: s.Config, Identity: s.Node}
	return n.Images(new(notify.Notifier), func(file string) { fmt.Println("importing", file) }).Once(context.Background())
}

// server prepares and then executes launch (exec), so that the preparation uses no memory afterwards.
func server(args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	file := s.Path("separate", "plan.json")
	if err := s.plan().Write(file); err != nil {
		return err
	}
	launch := filepath.Join(s.BinDir, "launch")
	return fmt.Errorf("%s: %w", launch, syscall.Exec(launch, []string{launch, file}, os.Environ()))
}

// prepare writes all files, as the runtime's own preparation does.
func (s setup) prepare() error {
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"folders", s.folders},
		{"kernel", s.kernel},
		{"certificates", s.certificates},
		{"kubeconfigs", controlplane.Plane{Config: s.Config, NodeIP: s.Node.IP}.WriteKubeconfigs},
		{"node-files", func() error { return node.Node{Config: s.Config, Identity: s.Node}.Files(new(notify.Notifier)) }},
		{"kubelet-config", s.writeKubeletConfig},
		{"manifests", s.manifests},
	} {
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func (s setup) folders() error {
	for _, dir := range []string{s.Path("server"), s.Path("agent"), s.Path("storage"), s.Path("separate")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{s.DataDir, s.Path("storage")} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}

func (s setup) kernel() error {
	if s.DisableAgent {
		return nil
	}
	for _, problem := range node.Kernel() {
		fmt.Fprintln(os.Stderr, "separate: kernel:", problem)
	}
	return nil
}

func (s setup) certificates() error {
	id := pki.Identity{
		DataDir: s.DataDir, NodeName: s.Node.Name, NodeIP: s.Node.IP, Domain: s.ClusterDomain,
		Service: s.APIServiceIP().String(), SANs: append(s.TLSSan, s.AdvertiseAddress),
	}
	_, err := id.Ensure(time.Now())
	return err
}

func (s setup) manifests() error {
	return deploy.Stage(s.PackagedManifests, s.Path("server", "manifests"), map[string]string{
		"CLUSTER_DNS":                s.ClusterDNS,
		"CLUSTER_DNS_LIST":           "[" + s.ClusterDNS + "]",
		"CLUSTER_DNS_IPFAMILYPOLICY": "SingleStack",
		"CLUSTER_DOMAIN":             s.ClusterDomain,
		"DEFAULT_LOCAL_STORAGE_PATH": s.Path("storage"),
		"NAME_SERVER_DIR":            node.Node{Config: s.Config, Identity: s.Node}.NameServerDir(),
		"NODE_NAME":                  s.Node.Name,
		"NODE_IP":                    s.Node.IP,
	}, s.Disable, new(notify.Notifier))
}
