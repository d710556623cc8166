// Command gendoc writes config/k3sflags/flags.tsv, the list of the runtime's flags for the configuration, from the flag
// set. It does not compile Kubernetes.
package main

import (
	"fmt"
	"os"

	"github.com/proa-os/proa/k3s/flags"
)

func main() {
	file := "config/k3sflags/flags.tsv"
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	if err := os.WriteFile(file, []byte(flags.Table()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "gendoc:", err)
		os.Exit(1)
	}
}
