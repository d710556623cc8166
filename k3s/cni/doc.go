//go:build !cni

// Command proa-cni needs the tag cni and the generated sources of the reference plugins: build it with `proa build`.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "proa-cni: compiled without its plugins; build it with the tag cni")
	os.Exit(2)
}
