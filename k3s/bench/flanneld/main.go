// Command flanneld is k3s/flannel as a program of its own, as small as flannel's own program is beside Kubernetes. That one does not build
// from its module: it links every cloud's back-end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/proa-os/proa/k3s/flannel"
)

func main() {
	var d flannel.Daemon
	if err := d.Flags().Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := d.Run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "flanneld:", err)
		os.Exit(1)
	}
}
