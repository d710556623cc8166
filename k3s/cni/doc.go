//go:build !cni

// Command proa-cni is every CNI plugin of the node in one binary; the name it is called by chooses. The packages below
// plugins are the reference plugins' own sources, which the build gives package names: they are programs upstream. It needs
// the tag cni for that: build it with `proa build`.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "proa-cni: compiled without its plugins; build it with the tag cni")
	os.Exit(2)
}
