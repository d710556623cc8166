// Command launch starts the processes of a plan one after the other, each when the previous one is ready, and runs
// until it is stopped or one of them ends. It restarts none: a measurement with a restart is invalid. It is a separate
// program with the standard library only, because it stays in memory during the measurement.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/proa-os/proa/k3s/bench/plan"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: launch PLAN.json")
	}
	p, err := plan.Read(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	l := launcher{logDir: p.LogDir, rerun: rerun, say: func(format string, a ...any) { fmt.Printf("launch: "+format+"\n", a...) }}
	return l.run(ctx, p.Steps)
}
