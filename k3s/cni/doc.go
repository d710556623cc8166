//go:build !cni

// Command proa-cni has all CNI plugins of the node in one binary and selects by the name it is called with. The
// packages below plugins are the sources of the reference plugins, which are programs upstream; the build turns them
// into packages. That needs the tag cni: build it with `proa build`.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "proa-cni: compiled without its plugins; build it with the tag cni")
	os.Exit(2)
}
