package rootfiles

import (
	"path"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
)

// TestNoProgramIsCalledAbsent: of a program in the root image nobody is told that it is not there.
func TestNoProgramIsCalledAbsent(t *testing.T) {
	for _, file := range append(append([]string{}, programs...), applets...) {
		d := draft.New()
		command.Note(d, &yaml.Node{}, "runcmd", path.Base(file))
		for _, n := range d.Notes {
			t.Errorf("%s: %s", file, n.Message)
		}
	}
}
