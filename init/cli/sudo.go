package cli

import (
	"context"
	"fmt"
	"os/signal"
	"time"

	"github.com/proa-os/proa/init/sudo"
	"golang.org/x/sys/unix"
)

// sudoVerb is the service that the command sudo asks. Its log is the audit log of administrators.
func sudoVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	unix.Umask(0o022) // of the commands
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	l, err := sudo.Listen(sudo.Socket)
	if err != nil {
		return err
	}
	logf := func(format string, args ...any) {
		fmt.Fprintf(e.Out, time.Now().UTC().Format(time.RFC3339)+" "+format+"\n", args...)
	}
	return sudo.Server{Root: e.Root, Logf: logf}.Serve(ctx, l)
}
