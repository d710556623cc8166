// Command box is a shell and some commands in one static binary, for pods that prepare volumes and for tests. The name
// it is called with selects the command; in the shell every command is built in, so an image needs no links. It is no
// login shell and has no job control.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/cat"
	"github.com/u-root/u-root/pkg/core/chmod"
	"github.com/u-root/u-root/pkg/core/cp"
	"github.com/u-root/u-root/pkg/core/find"
	"github.com/u-root/u-root/pkg/core/gzip"
	"github.com/u-root/u-root/pkg/core/ls"
	"github.com/u-root/u-root/pkg/core/mkdir"
	"github.com/u-root/u-root/pkg/core/mv"
	"github.com/u-root/u-root/pkg/core/rm"
	"github.com/u-root/u-root/pkg/core/tar"
	"github.com/u-root/u-root/pkg/core/touch"
)

// stdio has the standard streams of a command.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	dir      string
}

// command is a built-in command: an error gives exit status 1 unless it is an exitStatus.
type command func(ctx context.Context, io stdio, args []string) error

type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func commands() map[string]command {
	all := map[string]command{
		"sh": shell, "sleep": sleep, "wget": wget, "httpd": httpd, "nslookup": nslookup, "hostname": hostname,
	}
	for name, make := range map[string]func() core.Command{
		"cat": cat.New, "chmod": chmod.New, "cp": cp.New, "find": find.New, "ls": ls.New, "mkdir": mkdir.New,
		"mv": mv.New, "rm": rm.New, "tar": tar.New, "touch": touch.New,
		"gzip": func() core.Command { return gzip.New("gzip") },
	} {
		all[name] = uroot(make)
	}
	return all
}

// uroot wraps one of u-root's commands.
func uroot(make func() core.Command) command {
	return func(ctx context.Context, io stdio, args []string) error {
		c := make()
		c.SetIO(io.in, io.out, io.err)
		c.SetWorkingDir(io.dir)
		return c.RunContext(ctx, args...)
	}
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "box" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	run, ok := commands()[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "box: no command %q\n", name)
		os.Exit(127)
	}
	err := run(context.Background(), stdio{os.Stdin, os.Stdout, os.Stderr, ""}, args)
	var status exitStatus
	switch {
	case errors.As(err, &status):
		os.Exit(int(status))
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
