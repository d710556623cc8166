// Package inspect has the verbs about configuration files that the host command and the device's share: what they print
// and when they fail is the same on both. It writes nothing but its output, and never shows a secret.
package inspect

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/config"
)

// ErrUsage is wrapped by errors of the command line, for which both commands exit with 2.
var ErrUsage = errors.New("usage")

// Streams are where a verb reads and writes. In is what the file name - stands for.
type Streams struct {
	In  io.Reader
	Out io.Writer
}

// ValidateArgs and ValidateHelp describe the verb.
const (
	ValidateArgs = "[--quiet] [--json] FILE…"
	ValidateHelp = `
Every file is read by itself, by the code that reads it on the device: proa's own document, cloud-init's user-data,
meta-data and network-config, k3OS's and Kairos' files, netplan, K3s's config.yaml. The content says what a file is;
where it does not, the name does. - is standard input. All problems of all files are printed, as FILE:LINE:COLUMN: MESSAGE. A line with
"note:" is about a key that has no effect here: it says why, and how to get the same.

Exit status: 0 no errors, perhaps notes; 1 errors; 2 wrong usage. --quiet prints errors only, --json one document.

Examples:
  proa config validate config.yaml
  proa config validate user-data network-config
  proa config validate --json - < config.yaml
`
)

// Validate are the flags of the verb.
type Validate struct{ Quiet, JSON bool }

// Flags registers them.
func (v *Validate) Flags(f *flag.FlagSet) {
	f.BoolVar(&v.Quiet, "quiet", false, "print errors only, no notes and no summary")
	f.BoolVar(&v.JSON, "json", false, "print one JSON document: files, errors, notes, problems")
}

// report is what --json prints.
type report struct {
	Files    int              `json:"files"`
	Errors   int              `json:"errors"`
	Notes    int              `json:"notes"`
	Problems []config.Problem `json:"problems"`
}

// Run checks the files. It fails if one has errors or cannot be read, after all of them were looked at.
func (v Validate) Run(s Streams, files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("%w: config validate %s; no file given", ErrUsage, ValidateArgs)
	}
	r := report{Files: len(files), Problems: []config.Problem{}}
	for _, name := range files {
		r.Problems = append(r.Problems, problemsOf(s, name)...)
	}
	r.Errors = config.Errors(r.Problems)
	r.Notes = len(r.Problems) - r.Errors
	if err := v.print(s.Out, r); err != nil || r.Errors == 0 {
		return err
	}
	return errors.New(r.summary())
}

func (v Validate) print(out io.Writer, r report) error {
	if v.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	for _, p := range r.Problems {
		if !p.Note || !v.Quiet {
			fmt.Fprintln(out, p)
		}
	}
	if !v.Quiet && r.Errors == 0 {
		fmt.Fprintln(out, r.summary())
	}
	return nil
}

func (r report) summary() string {
	parts := []string{"no problems"}
	if r.Errors > 0 {
		parts[0] = counted(r.Errors, "problem")
	}
	if r.Notes > 0 {
		parts = append(parts, counted(r.Notes, "note"))
	}
	return strings.Join(parts, ", ")
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// problemsOf reads one file and returns what is wrong in it.
func problemsOf(s Streams, name string) []config.Problem {
	text, err := s.read(name)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the name stands in front
		}
		return []config.Problem{{File: name, Message: fmt.Sprintf("cannot be read: %v", err)}}
	}
	return config.Load(config.Document(shown(name), text)).Problems
}

// read reads a file, or standard input; of one that is too large only enough for the loader to see that.
func (s Streams) read(name string) ([]byte, error) {
	if name != "-" {
		return config.Read(name)
	}
	if s.In == nil {
		return nil, errors.New("there is no standard input")
	}
	return io.ReadAll(io.LimitReader(s.In, config.MaxSize+1))
}

// shown is the name of a file in messages.
func shown(name string) string {
	if name == "-" {
		return "standard input"
	}
	return filepath.Clean(name)
}
