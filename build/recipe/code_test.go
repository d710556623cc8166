package recipe

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// always are the files that code adds itself.
var always = []string{"recipe.go", "code.go", "files.go"}

// own is this package as the compiler resolves it.
type own struct {
	fset  *token.FileSet
	info  *types.Info
	decls map[types.Object]ast.Node
}

// A recipe names the files of this package that it consists of; which these are, the compiler says.
func TestRecipesNameTheirFiles(t *testing.T) {
	p := load(t)
	recipes := 0
	for obj, decl := range p.decls {
		if !p.calls(decl, "code") && !p.calls(decl, "debs") || obj.Name() == "debs" {
			continue
		}
		recipes++
		named := strings.Join(append(p.literals(obj), always...), " ")
		for other := range p.reach(obj) {
			if file := filepath.Base(p.fset.Position(p.decls[other].Pos()).Filename); !strings.Contains(" "+named+" ", " "+file+" ") {
				t.Errorf("%s consists of %s in %s too, and names %s", obj.Name(), other.Name(), file, named)
			}
		}
	}
	if recipes < 10 {
		t.Errorf("%d recipes found", recipes)
	}
}

func load(t *testing.T) own {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var list []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	exports := exported(t)
	p := own{fset, &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}, map[types.Object]ast.Node{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := conf.Check("recipe", fset, list, p.info); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		for _, d := range f.Decls {
			p.declare(d)
		}
	}
	return p
}

func (p own) declare(d ast.Decl) {
	if f, ok := d.(*ast.FuncDecl); ok {
		p.decls[p.info.Defs[f.Name]] = f
		return
	}
	for _, s := range d.(*ast.GenDecl).Specs {
		switch s := s.(type) {
		case *ast.ValueSpec:
			for _, n := range s.Names {
				p.decls[p.info.Defs[n]] = s
			}
		case *ast.TypeSpec:
			p.decls[p.info.Defs[s.Name]] = s
		}
	}
}

// reach is what a declaration uses of this package, directly or through others.
func (p own) reach(from types.Object) map[types.Object]bool {
	seen := map[types.Object]bool{}
	var visit func(types.Object)
	visit = func(o types.Object) {
		if p.decls[o] == nil || seen[o] {
			return
		}
		seen[o] = true
		ast.Inspect(p.decls[o], func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				visit(p.info.Uses[id])
			}
			return true
		})
	}
	visit(from)
	return seen
}

func (p own) calls(decl ast.Node, name string) (yes bool) {
	ast.Inspect(decl, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			s, method := c.Fun.(*ast.SelectorExpr)
			yes = yes || method && s.Sel.Name == name
		}
		return true
	})
	return yes
}

// literals are the names of files in a recipe and in what it begins with.
func (p own) literals(obj types.Object) (out []string) {
	for o := range p.reach(obj) {
		if o != obj && o.Name() != "debs" && o.Name() != "Debs" {
			continue
		}
		ast.Inspect(p.decls[o], func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && strings.HasSuffix(l.Value, `.go"`) {
				out = append(out, strings.Trim(l.Value, `"`))
			}
			return true
		})
	}
	return out
}

// exported are the files in which the go command keeps what packages export.
func exported(t *testing.T) map[string]string {
	t.Helper()
	text, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for d := json.NewDecoder(strings.NewReader(string(text))); ; {
		var p struct{ ImportPath, Export string }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out[p.ImportPath] = p.Export
	}
}
