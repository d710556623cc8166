//go:build cni

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/k3s/cni/flannel"
	"github.com/proa-os/proa/k3s/cni/plugins/bandwidth"
	"github.com/proa-os/proa/k3s/cni/plugins/bridge"
	"github.com/proa-os/proa/k3s/cni/plugins/firewall"
	"github.com/proa-os/proa/k3s/cni/plugins/hostlocal"
	"github.com/proa-os/proa/k3s/cni/plugins/loopback"
	"github.com/proa-os/proa/k3s/cni/plugins/portmap"
)

func main() {
	plugins := map[string]func(){
		"bandwidth":  bandwidth.Main,
		"bridge":     bridge.Main,
		"firewall":   firewall.Main,
		"flannel":    flannel.Main,
		"host-local": hostlocal.Main,
		"loopback":   loopback.Main,
		"portmap":    portmap.Main,
	}
	name := filepath.Base(os.Args[0])
	plugin, ok := plugins[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "proa-cni: no plugin %q\n", name)
		os.Exit(2)
	}
	plugin()
}
