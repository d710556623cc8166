// Package verb is `proa keys`, and the flags by which other verbs are told which keys sign their images. It asks for no
// passphrase: that is in a file, or an ssh-agent has the key.
package verb

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/config"
)

// words is the table of the second words: how many arguments follow, and what is done.
func words() map[string]word {
	return map[string]word{
		"init":   {1, 1, initDir},
		"show":   {1, 1, withRing(func(call, *keys.Ring, []string) error { return nil })},
		"split":  {4, 4, withRing(split)},
		"rotate": {2, 4, withRing(rotate)},
		"forget": {3, 3, withRing(forget)},
	}
}

type word struct {
	min, max int
	run      func(c call, args []string) error
}

// Run runs the verb keys.
func Run(o Options, args []string, out io.Writer) error {
	all := slices.Sorted(maps.Keys(words()))
	if len(args) == 0 {
		return usage("keys needs a subcommand: %s", strings.Join(all, ", "))
	}
	w, ok := words()[args[0]]
	if !ok {
		near := config.Nearest(args[0], all)
		if near == "" {
			near = strings.Join(all, ", ")
		}
		return usage("keys: no subcommand %q; there is %s", args[0], near)
	}
	if n := len(args) - 1; n < w.min || n > w.max {
		return usage("keys %s: %d arguments", args[0], n)
	}
	if err := w.run(call{o, out}, args[1:]); err != nil {
		return fmt.Errorf("keys %s: %w", args[0], err)
	}
	return nil
}

// call is one invocation.
type call struct {
	o   Options
	out io.Writer
}

func initDir(c call, args []string) error {
	a, err := c.o.access()
	if err != nil {
		return err
	}
	r, err := keys.Init(args[0], false, a)
	if err != nil {
		return err
	}
	if err := firstRoot(r); err != nil {
		return err
	}
	return r.Show(c.out)
}

// withRing loads the directory, changes it and shows it.
func withRing(change func(call, *keys.Ring, []string) error) func(call, []string) error {
	return func(c call, args []string) error {
		a, err := c.o.access()
		if err != nil {
			return err
		}
		r, err := keys.Load(args[0], a)
		if err != nil {
			return err
		}
		if err := change(c, r, args[1:]); err != nil {
			return err
		}
		return r.Show(c.out)
	}
}

func split(_ call, r *keys.Ring, args []string) error {
	m, errM := strconv.Atoi(args[1])
	n, errN := strconv.Atoi(args[2])
	if errors.Join(errM, errN) != nil {
		return usage("%q of %q: want two numbers", args[1], args[2])
	}
	return r.Split(args[0], m, n)
}

func rotate(c call, r *keys.Ring, args []string) error {
	args = append(args, "", "")
	made, err := r.Rotate(args[0], args[1], args[2])
	for _, k := range made {
		fmt.Fprintf(c.out, "new key of %s: %s\n", args[0], k.Short())
	}
	return err
}

func forget(c call, r *keys.Ring, args []string) error {
	k, err := r.Forget(args[0], args[1])
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "forgotten: %s; delete %s wherever it is, unless devices still need it\n", k.Short(), k.At)
	return nil
}
