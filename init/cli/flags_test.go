package cli

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/slotwrite"
	engine "github.com/proa-os/proa/init/upgrade/verbs"
)

var (
	flagLine  = regexp.MustCompile(`(?m)^  -([a-z][a-z-]*)`)
	flagNamed = regexp.MustCompile(`(?:^|[ \[])--?([a-z][a-z-]*)`)
)

// every returns the flags that an expression finds, each once.
func every(e *regexp.Regexp, text string) (list []string) {
	for _, m := range e.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// taken returns the flags that a verb's parser takes: it lists them for whoever gives it one that it does not know.
func taken(t *testing.T, v verb) []string {
	t.Helper()
	var errs bytes.Buffer
	no := errors.New("not asked by a test")
	e := Env{Root: t.TempDir(), Out: &errs, Err: &errs, In: strings.NewReader(""), EraseData: func() error { return no },
		Slot: func() (slotwrite.Target, error) { return slotwrite.Target{}, no }, Place: func() (bootfile.Place, error) { return bootfile.Place{}, no },
		Edit: func(string) error { return no }, Ask: func(control.Request, func(string)) error { return no }}
	err := error(nil)
	if name, ok := strings.CutPrefix(v.name, "upgrade "); ok {
		err = engine.Env{Root: e.Root, Out: &errs, Err: &errs}.Main(t.Context(), name, []string{"--no-such-flag"})
	} else {
		err = v.run(e, []string{"--no-such-flag"})
	}
	if err == nil {
		t.Errorf("proa %s --no-such-flag: accepted", v.name)
	}
	return every(flagLine, errs.String())
}

// TestHelpHasFlags: the usage line of each verb names the flags that its parser takes, and no others; what --help adds
// explains and uses no flag that is not taken. The installer's flags are compared in its own package.
func TestHelpHasFlags(t *testing.T) {
	all, withFlags := map[string][]string{}, 0
	for _, v := range verbs() {
		if v.name == "install" {
			continue
		}
		all[v.name] = taken(t, v)
		if diff := cmp.Diff(all[v.name], every(flagNamed, v.args)); diff != "" {
			t.Errorf("proa %s (-taken +in the help):\n%s", v.name, diff)
		}
		if len(all[v.name]) > 0 {
			withFlags++
		}
	}
	if withFlags < 12 {
		t.Errorf("only %d verbs take flags: they are not found", withFlags)
	}
	shared := map[string][]string{} // the flags of all verbs with that text
	for name, text := range more {
		shared[text] = append(shared[text], all[name]...)
	}
	for text, flags := range shared {
		for _, explained := range every(regexp.MustCompile(`(?m)^  --([a-z][a-z-]*)`), text) {
			if !slices.Contains(flags, explained) && text != more["install"] {
				t.Errorf("--%s is explained, and no verb with this help takes it:\n%s", explained, text)
			}
		}
	}
	calls := 0
	for _, text := range more {
		for _, m := range regexp.MustCompile(`(?m)^  (?:ssh [^ ]* )?proa ([a-z][^\n]*)`).FindAllStringSubmatch(text, -1) {
			call, _, _ := strings.Cut(m[1], "  ")
			for part := range strings.SplitSeq(call, "&& proa ") {
				v, rest := find(strings.Fields(part))
				if v == nil {
					t.Errorf("no verb for the example proa %s", part)
					continue
				}
				for _, f := range every(flagNamed, strings.Join(rest, " ")) {
					if calls++; !slices.Contains(all[v.name], f) && v.name != "install" {
						t.Errorf("the example proa %s: %s does not take --%s", part, v.name, f)
					}
				}
			}
		}
	}
	if calls < 8 {
		t.Errorf("only %d flags in examples: they are not found", calls)
	}
}

// TestFlagsAreDeclared: a flag that is compared by hand would be in no list.
func TestFlagsAreDeclared(t *testing.T) {
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`^"--?[a-z][a-z-]*"$`)
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			var compared []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				compared = []ast.Expr{n.X, n.Y}
			case *ast.CaseClause:
				compared = n.List
			}
			for _, x := range compared {
				if lit, ok := x.(*ast.BasicLit); ok && word.MatchString(lit.Value) && lit.Value != `"--help"` && lit.Value != `"-h"` {
					t.Errorf("%s is compared by hand: declare it by flags()", lit.Value)
				}
			}
			return true
		})
	}
}
