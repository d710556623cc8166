package inspect

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// files writes files into a directory and returns their paths in order.
func files(t *testing.T, texts ...string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		path := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestAllProblemsOfAllFiles: one bad file keeps none from being checked, and no secret is shown.
func TestAllProblemsOfAllFiles(t *testing.T) {
	p := files(t, "hostnam: a\n", "hostname: a\n", "k3s: {token: hunter2, role: x}\nntp: 3\n")
	var out strings.Builder
	err := Validate{}.Run(Streams{Out: &out}, []string{p[0], filepath.Join(filepath.Dir(p[0]), "absent"), p[1], p[2]})
	if err == nil || err.Error() != "4 problems" || errors.Is(err, ErrUsage) {
		t.Errorf("%v", err)
	}
	for _, want := range []string{p[0] + ":1:1: unknown key \"hostnam\"", "absent: cannot be read: no such file", p[2] + ":1:29: role: ", p[2] + ":2:6: ntp: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Error("a secret was shown")
	}
}

// TestGoodFiles: standard input is a file like the others.
func TestGoodFiles(t *testing.T) {
	p := files(t, "hostname: a\n")
	for quiet, want := range map[bool]string{false: "no problems\n", true: ""} {
		var out strings.Builder
		if err := (Validate{Quiet: quiet}).Run(Streams{strings.NewReader("version: 1\n"), &out}, []string{p[0], "-"}); err != nil || out.String() != want {
			t.Errorf("%v, %q", err, out.String())
		}
	}
	var out strings.Builder
	err := Validate{}.Run(Streams{strings.NewReader("x: 1\n"), &out}, []string{"-"})
	if err == nil || !strings.HasPrefix(out.String(), "standard input:1:1: ") {
		t.Errorf("%v, %q", err, out.String())
	}
	if err := (Validate{}).Run(Streams{Out: &out}, nil); !errors.Is(err, ErrUsage) {
		t.Errorf("no file: %v", err)
	}
}

// TestJSON: the document is complete whether or not there are errors.
func TestJSON(t *testing.T) {
	for text, errs := range map[string]int{"hostname: a\n": 0, "hostname: [\n": 1} {
		var out strings.Builder
		err := Validate{JSON: true}.Run(Streams{Out: &out}, files(t, text))
		var r report
		if bad := json.Unmarshal([]byte(out.String()), &r); bad != nil || (err != nil) != (errs > 0) || r.Errors != errs || r.Files != 1 || r.Problems == nil {
			t.Errorf("%v, %v, %s", bad, err, out.String())
		}
	}
}

// TestNotesAreNoErrors: a note is printed as such and counts as no error.
func TestNotesAreNoErrors(t *testing.T) {
	r := report{Problems: []config.Problem{{File: "a", Line: 2, Column: 1, Message: "packages: no", Note: true}}, Notes: 1}
	var out strings.Builder
	if err := (Validate{}).print(&out, r); err != nil || out.String() != "a:2:1: note: packages: no\nno problems, 1 note\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	if config.Errors(r.Problems) != 0 {
		t.Error("a note counts as an error")
	}
}

// TestHugeFile: of a file of 100 MB only as much is read as it takes to see that it is too large.
func TestHugeFile(t *testing.T) {
	huge := filepath.Join(t.TempDir(), "config.yaml")
	f, err := os.Create(huge)
	if err == nil {
		err = errors.Join(f.Truncate(100<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Streams{{Out: &strings.Builder{}}, {In: endless{}, Out: &strings.Builder{}}} {
		name := map[bool]string{true: huge, false: "-"}[s.In == nil]
		if err := (Validate{}).Run(s, []string{name}); err == nil || !strings.Contains(s.Out.(*strings.Builder).String(), "larger than") {
			t.Errorf("%s: %v, %s", name, err, s.Out)
		}
	}
}

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
