package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell runs `sh -c text [name args…]`, `sh file [args…]` or a script from standard input.
func shell(ctx context.Context, io stdio, args []string) error {
	options, args := leadingOptions(args)
	script, name, params, err := source(io, options, args)
	if err != nil {
		return err
	}
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(script, name)
	if err != nil {
		return err
	}
	runner, err := interp.New(
		interp.StdIO(io.in, io.out, io.err),
		interp.Params(append(setOptions(options), params...)...),
		interp.ExecHandlers(builtins),
	)
	if err != nil {
		return err
	}
	err = runner.Run(ctx, parsed)
	var status interp.ExitStatus
	if errors.As(err, &status) {
		return exitStatus(status)
	}
	return err
}

// leadingOptions splits off -c, -e, -u and -x, separate or combined.
func leadingOptions(args []string) (options string, rest []string) {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		options += args[0][1:]
		args = args[1:]
	}
	return options, args
}

func setOptions(options string) []string {
	var set []string
	for _, o := range "eux" {
		if strings.ContainsRune(options, o) {
			set = append(set, "-"+string(o))
		}
	}
	return append(set, "--")
}

func source(io stdio, options string, args []string) (script interface{ Read([]byte) (int, error) }, name string, params []string, err error) {
	switch {
	case strings.Contains(options, "c"):
		if len(args) == 0 {
			return nil, "", nil, errors.New("-c needs a command")
		}
		text := args[0]
		if len(args) > 1 {
			params = args[2:]
		}
		return strings.NewReader(text), "sh", params, nil
	case len(args) == 0:
		return io.in, "stdin", nil, nil
	}
	data, err := os.ReadFile(args[0])
	return strings.NewReader(string(data)), args[0], args[1:], err
}

// builtins runs built-in commands without a process, and all others from PATH.
func builtins(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		run, ok := commands()[args[0]]
		if !ok {
			return next(ctx, args)
		}
		h := interp.HandlerCtx(ctx)
		err := run(ctx, stdio{h.Stdin, h.Stdout, h.Stderr, h.Dir}, args[1:])
		var status exitStatus
		switch {
		case errors.As(err, &status):
			return interp.ExitStatus(status)
		case err != nil:
			fmt.Fprintf(h.Stderr, "%s: %v\n", args[0], err)
			return interp.ExitStatus(1)
		}
		return nil
	}
}
