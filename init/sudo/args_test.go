package sudo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]request{
		"id":                          {Argv: []string{"id"}, User: "root"},
		"-n -u ada -- -x -y":          {Argv: []string{"-x", "-y"}, User: "ada"},
		"-nuada ls -la":               {Argv: []string{"ls", "-la"}, User: "ada"},
		"--user=ada --login":          {Shell: "-", User: "ada"},
		"--user ada id":               {Argv: []string{"id"}, User: "ada"},
		"-i":                          {Shell: "-", User: "root"},
		"-s A=b C= make X=1":          {Argv: []string{"make", "X=1"}, Shell: "s", User: "root", Set: []string{"A=b", "C="}},
		"-E FOO=1 -u ada env":         {Argv: []string{"env"}, User: "ada", Keep: true, Set: []string{"FOO=1"}},
		"-H -S -n -u root /bin/sh -c": {Argv: []string{"/bin/sh", "-c"}, User: "root"}, // as Ansible calls it
		"-":                           {Argv: []string{"-"}, User: "root"},
	} {
		c, err := parse(strings.Fields(line))
		if diff := cmp.Diff(want, c.request); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", line, err, diff)
		}
	}
	for line, want := range map[string]string{
		"":             "no command",
		"-n":           "no command",
		"-k id":        "no option -k",
		"-nb id":       "no option -b",
		"-u":           "-u needs a value",
		"--chroot=/ x": "no option --chroot=/",
		"--login=x y":  "takes no value",
	} {
		if _, err := parse(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	for _, line := range []string{"-h", "--help", "-V", "--version"} {
		if c, err := parse([]string{line}); err != nil || !c.help && !c.version {
			t.Errorf("%s: %+v, %v", line, c, err)
		}
	}
}
