// Command k3s runs a Kubernetes cluster, or its clients, in one process.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/releasefile"
)

// Set by the linker. The version of proa is not: it is read from the root image, so that a commit does not link
// Kubernetes again.
var kubernetes = "unknown"

// verb is a subcommand.
type verb struct {
	name string
	run  func(args []string) error
	help string
}

// verbs, in the order of the help text. A link to the binary with a verb's name runs that verb.
func verbs() []verb {
	return []verb{
		{"server", server, "run control plane and node"},
		{"agent", agent, "run a node of another server's cluster"},
		{"kubectl", kubectl, "control the cluster"},
		{"ctr", ctr, "look into containerd"},
		{"check-config", checkConfig, "check kernel and tools"},
		{"check-datastore", checkDatastore, "check the cluster's database for damage"},
		{"check-upgrade", checkUpgrade, "check whether this version can take the cluster's database over"},
		{"copy-datastore", copyDatastore, "copy the cluster's database, also while the server runs"},
		{"restore-datastore", restoreDatastore, "replace the cluster's database by such a copy"},
		{"version", printVersion, "print versions"},
	}
}

func main() {
	args := os.Args[1:]
	name := filepath.Base(os.Args[0])
	if !known(name) {
		if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
			usage(os.Stdout)
			return
		}
		name, args = args[0], args[1:]
	}
	for _, v := range verbs() {
		if v.name != name {
			continue
		}
		if err := v.run(args); err != nil {
			fmt.Fprintf(os.Stderr, "k3s: %s: %v\n", name, err)
			os.Exit(1)
		}
		return
	}
	fmt.Fprintf(os.Stderr, "k3s: no verb %q\n", name)
	usage(os.Stderr)
	os.Exit(2)
}

func known(name string) bool {
	for _, v := range verbs() {
		if v.name == name {
			return true
		}
	}
	return false
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: k3s VERB [arguments]")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-17s %s\n", v.name, v.help)
	}
}

func printVersion([]string) error {
	fmt.Printf("k3s %s\nkubernetes %s\n", releasefile.Read(releasefile.Path, "dev").Version, kubernetes)
	return nil
}
