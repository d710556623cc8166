package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// computed represents a value that is not a literal in the source.
const computed = "(computed)"

// TestFlagsAreTheRuntimes compares flag names, and values that are literals in the source: a flag on one side only
// would make the benchmark unfair.
func TestFlagsAreTheRuntimes(t *testing.T) {
	s := example()
	for _, c := range []struct {
		file, function string
		ours           []string
		differ         []string // with the reason in planeflags.go
	}{
		{"../controlplane/apiserver.go", "apiServerArgs", s.apiServer(), []string{"etcd-servers"}},
		{"../controlplane/controllers.go", "controllerManagerArgs", s.controllerManager(), nil},
		{"../controlplane/scheduler.go", "schedulerArgs", s.scheduler(), nil},
		{"../node/proxy.go", "proxyArgs", s.proxy(), nil},
	} {
		theirs := sourceFlags(t, c.file, c.function)
		ours := map[string]string{}
		for _, arg := range c.ours {
			name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if _, there := theirs[name]; !there && strings.HasPrefix(name, "cluster-signing-") {
				continue // set by a loop on both sides
			}
			if theirs[name] == computed {
				value = computed
			}
			ours[name] = value
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%s (-runtime +separate):\n%s", c.function, diff)
		}
	}
}

// sourceFlags parses {"name", value} rows and "name=value" strings in a function's source.
func sourceFlags(t *testing.T, file, function string) map[string]string {
	t.Helper()
	found := map[string]string{}
	ast.Inspect(body(t, file, function), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if len(n.Elts) == 2 {
				if name, ok := text(n.Elts[0]); ok && !strings.Contains(name, "=") {
					value, plain := text(n.Elts[1])
					if !plain {
						value = computed
					}
					found[name] = value
				}
			}
		case *ast.BinaryExpr:
			if name, ok := text(n.X); ok && strings.HasSuffix(name, "=") {
				found[strings.TrimSuffix(name, "=")] = computed
			}
		case *ast.BasicLit:
			if whole, ok := text(n); ok {
				if name, value, pair := strings.Cut(whole, "="); pair && value != "" {
					found[name] = value
				}
			}
		}
		return true
	})
	return found
}

// TestKubeletFieldsAreTheRuntimes compares the fields that both sides set.
func TestKubeletFieldsAreTheRuntimes(t *testing.T) {
	theirs := map[string]bool{}
	for _, function := range []string{"trust", "habits"} {
		ast.Inspect(body(t, "../node/kubelet.go", function), func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				theirs[strings.TrimPrefix(path(a.Lhs[0]), "k.")] = true
			}
			return true
		})
	}
	ours := map[string]bool{}
	ast.Inspect(body(t, "kubeletconfig.go", "kubeletConfig"), func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			fields("", r.Results[0].(*ast.CompositeLit), ours)
		}
		return true
	})
	delete(ours, "TypeMeta.APIVersion")
	delete(ours, "TypeMeta.Kind")
	delete(ours, "NodeStatusUpdateFrequency.Duration")
	ours["NodeStatusUpdateFrequency"] = true
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("(-runtime +separate):\n%s", diff)
	}
}

func fields(prefix string, lit *ast.CompositeLit, into map[string]bool) {
	for _, e := range lit.Elts {
		kv := e.(*ast.KeyValueExpr)
		key, named := kv.Key.(*ast.Ident)
		inner, nested := kv.Value.(*ast.CompositeLit)
		if !named {
			continue
		}
		if _, list := typeOf(inner).(*ast.SelectorExpr); nested && list {
			fields(prefix+key.Name+".", inner, into)
			continue
		}
		into[prefix+key.Name] = true
	}
}

func typeOf(lit *ast.CompositeLit) ast.Expr {
	if lit == nil {
		return nil
	}
	return lit.Type
}

func path(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return path(s.X) + "." + s.Sel.Name
	}
	if i, ok := e.(*ast.Ident); ok {
		return i.Name
	}
	return "?"
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func body(t *testing.T, file, function string) *ast.BlockStmt {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == function {
			return fn.Body
		}
	}
	t.Fatalf("%s has no function %s any more: compare by hand and correct this test", file, function)
	return nil
}
