package cli

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/control"
)

func restartVerb(e Env, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: proa restart NAME; proa status lists the services")
	}
	return e.ask(control.Request{Verb: "restart", Name: args[0]})
}

func healthVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	return e.ask(control.Request{Verb: "health"})
}

// ask sends a request to PID 1 and prints the answer.
func (e Env) ask(r control.Request) error {
	say := func(line string) { fmt.Fprintln(e.Out, line) }
	if e.Ask != nil {
		return e.Ask(r, say)
	}
	return control.Ask(e.Root+control.Socket, r, say)
}
