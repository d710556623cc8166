package inspect

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/proa-os/proa/config"
)

// ShowHelp describes the verb on the host.
const ShowHelp = `The files are read in the order in which they are given, as a device reads its sources: of a later one, values replace those of an
earlier one, and maps are merged. --origin prints behind each value where it is written.
`

// Show are the flags of the verb.
type Show struct{ Origin bool }

// Flags registers them.
func (v *Show) Flags(f *flag.FlagSet) {
	f.BoolVar(&v.Origin, "origin", false, "print behind each value where it is written")
}

// Run prints the configuration that files make together, without secrets, after what is wrong in them.
func (v Show) Run(s Streams, files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("%w: config show [--origin] FILE…; no file given", ErrUsage)
	}
	var sources []config.Source
	for _, name := range files {
		text, err := s.read(name)
		if err != nil {
			return err
		}
		sources = append(sources, config.Document(shown(name), text))
	}
	l := config.Load(sources...)
	for _, p := range l.Problems {
		fmt.Fprintf(s.Out, "# %s\n", p)
	}
	return v.Print(s.Out, l.Config, l.Origin)
}

// Print prints a configuration without secrets.
func (v Show) Print(out io.Writer, c *config.Config, o *config.Origin) error {
	text, err := config.Show(c)
	if v.Origin {
		text, err = config.ShowOrigin(c, o)
	}
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// Change is a key in which two configurations differ, and what is said of it.
type Change struct{ Key, Says string }

// Diff prints the values of keys that differ, without secrets: those of old with -, those of now with +.
func Diff(out io.Writer, old, now *config.Config, changes []Change) error {
	for _, c := range changes {
		fmt.Fprintf(out, "%s: %s\n", c.Key, c.Says)
		for _, side := range []struct {
			sign string
			c    *config.Config
		}{{"-", old}, {"+", now}} {
			text, err := config.ShowKey(side.c, strings.Split(c.Key, ".")...)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				fmt.Fprintf(out, "  %s %s", side.sign, line)
			}
		}
	}
	return nil
}
