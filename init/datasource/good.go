package datasource

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
)

// Says tells whether a text says anything that can be understood: a value, or nothing at all without an error, as a
// file of comments does. A garbled file, and one that a worn card has emptied, says nothing.
func Says(path string, text []byte) bool { return bad(File{Path: path, Text: text}) == "" }

// bad says why a file says nothing; empty: it says something. Only files such as Imager's ssh say something by being empty.
func bad(f File) string {
	switch {
	case errors.Is(f.Err, os.ErrNotExist):
		return "is missing"
	case f.Err != nil:
		return fmt.Sprintf("cannot be read (%v)", f.Err)
	}
	l, empty := read(f), strings.Trim(string(f.Text), "\x00 \t\r\n") == ""
	switch {
	case l.Origin.Any(), !empty && config.Errors(l.Problems) == 0:
		return ""
	case empty:
		return "is empty"
	}
	return "has nothing that can be understood"
}

// damaged says whether something of a file is lost, as when its writer was interrupted. A file with wrong values is not.
func damaged(f File) bool {
	return slices.ContainsFunc(read(f).Problems, func(p config.Problem) bool { return p.Lost })
}

func read(f File) config.Loaded { return config.Load(config.Document(f.Path, f.Text)) }
