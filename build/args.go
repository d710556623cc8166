package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images"
)

// errUsage is wrapped by errors of the command line, which end with exit status 2.
var errUsage = errors.New("see `proa help`")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w\n%w", fmt.Errorf(format, args...), errUsage)
}

// proa looks up the verb and runs it.
func proa(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		return help(args, out)
	}
	v, err := findVerb(args[0])
	if err != nil {
		return err
	}
	c := &call{out: out}
	c.args, err = v.parse(args[1:], &c.opts)
	if errors.Is(err, flag.ErrHelp) {
		v.print(out)
		return nil
	}
	if err != nil {
		return usage("%s: %v", v.name, err)
	}
	if n := v.most(); len(c.args) > n {
		return usage("%s: unexpected argument %q; want `proa %s`", v.name, c.args[n], strings.TrimSpace(v.name+" "+v.args))
	}
	return c.substituting(ctx, v.run)
}

// most returns how many arguments the usage line has room for: as many as words, or any number with an ellipsis.
func (v verb) most() int {
	if strings.Contains(v.args, "…") {
		return math.MaxInt
	}
	return len(strings.Fields(v.args))
}

func findVerb(name string) (verb, error) {
	var names []string
	for _, v := range verbs() {
		if v.name == name {
			return v, nil
		}
		names = append(names, v.name)
	}
	return verb{}, usage("no verb %q%s", name, didYouMean(name, names))
}

// parse parses flags before, between and after the arguments. Arguments after "--" are not parsed.
func (v verb) parse(args []string, o *options) (rest []string, err error) {
	f := v.flagSet(o)
	for {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		ended := len(args) > f.NArg() && args[len(args)-f.NArg()-1] == "--"
		args = f.Args()
		if len(args) == 0 || ended {
			return append(rest, args...), nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

func (v verb) flagSet(o *options) *flag.FlagSet {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // the returned error is enough
	if v.flags != nil {
		v.flags(f, o)
	}
	return f
}

func help(args []string, out io.Writer) error {
	if len(args) > 1 {
		v, err := findVerb(args[1])
		if err == nil {
			v.print(out)
		}
		return err
	}
	fmt.Fprint(out, "proa builds images of the proa operating system and boots them in an emulator.\n\nusage: proa VERB …   (in the repository: go run ./build VERB …)\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(out, "  %-28s %s\n", v.name+" "+v.args, v.short)
	}
	fmt.Fprintf(out, "\nboards: %s\nkinds:  %s\n\nproa help VERB says more, with examples.\n", strings.Join(boardNames(), ", "), strings.Join(kindNames(), ", "))
	return nil
}

func (v verb) print(out io.Writer) {
	fmt.Fprintf(out, "usage: proa %s %s\n\n%s: %s.\n\n%s\n", v.name, v.args, v.name, v.short, strings.Trim(v.long, "\n"))
	var o options
	f := v.flagSet(&o)
	first := true
	f.VisitAll(func(fl *flag.Flag) {
		if first {
			fmt.Fprintln(out, "\nflags:")
			first = false
		}
		name, text := flag.UnquoteUsage(fl)
		fmt.Fprintf(out, "  --%-22s %s\n", strings.TrimSpace(fl.Name+" "+name), text)
	})
}

// board returns the board named by the first argument.
func (c *call) board() (boards.Board, error) {
	if len(c.args) == 0 {
		return boards.Board{}, usage("no board given; want one of: %s", strings.Join(boardNames(), ", "))
	}
	all, err := boards.All()
	if err != nil {
		return boards.Board{}, err
	}
	for _, b := range all {
		if b.Name == c.args[0] {
			return b, nil
		}
	}
	return boards.Board{}, usage("no board %q%s", c.args[0], didYouMean(c.args[0], boardNames()))
}

// kind returns the image kind of a board by its name.
func kind(b boards.Board, name string) (images.Kind, error) {
	for _, k := range images.Kinds() {
		if k.Name != name {
			continue
		}
		if !slices.Contains(b.Images, name) {
			return k, usage("board %s has no image kind %q; it has %s", b.Name, name, strings.Join(b.Images, ", "))
		}
		return k, nil
	}
	return images.Kind{}, usage("no image kind %q%s", name, didYouMean(name, kindNames()))
}

// kinds returns the kinds named by the arguments after the board; by default the board's first one, or all.
func (c *call) kinds(b boards.Board, all bool) ([]images.Kind, error) {
	names := c.args[1:]
	if len(names) == 0 {
		names = b.Images
		if !all {
			names = names[:1]
		}
	}
	var out []images.Kind
	for _, n := range names {
		k, err := kind(b, n)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func boardNames() []string {
	all, err := boards.All()
	if err != nil {
		return nil // a board error is reported where the boards are used
	}
	var out []string
	for _, b := range all {
		out = append(out, b.Name)
	}
	return out
}

func kindNames() []string {
	var out []string
	for _, k := range images.Kinds() {
		out = append(out, k.Name)
	}
	return out
}

// didYouMean suggests the closest candidate, or lists all if none is close.
func didYouMean(name string, candidates []string) string {
	if best := config.Nearest(name, candidates); best != "" {
		return fmt.Sprintf("; did you mean %q", best)
	}
	return "; there is " + strings.Join(candidates, ", ")
}
