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
func Says(path string, text []byte) bool {
	bad, _ := judge(File{Path: path, Text: text})
	return bad == ""
}

// judge says why a file says nothing (empty: it says something), and whether something of it is lost, as when its writer
// was interrupted. Only files such as Imager's ssh say something by being empty. One with wrong values is not damaged.
func judge(f File) (bad string, damaged bool) {
	switch {
	case errors.Is(f.Err, os.ErrNotExist):
		return "is missing", false
	case f.Err != nil:
		return fmt.Sprintf("cannot be read (%v)", f.Err), false
	}
	l, empty := config.Load(config.Document(f.Path, f.Text)), strings.Trim(string(f.Text), "\x00 \t\r\n") == ""
	damaged = slices.ContainsFunc(l.Problems, func(p config.Problem) bool { return p.Lost })
	switch {
	case l.Origin.Any(), !empty && config.Errors(l.Problems) == 0:
		return "", damaged
	case empty:
		return "is empty", damaged
	}
	return "has nothing that can be understood", damaged
}
