// Package cnigen turns the reference CNI plugins, which are separate programs, into packages that one program can
// import. It writes nothing into the repository: the result is an overlay for the go command.
package cnigen

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// plugins maps the packages that k3s/cni imports (below plugins/) to the programs they are made from.
var plugins = map[string]string{
	"bridge":    "plugins/main/bridge",
	"loopback":  "plugins/main/loopback",
	"hostlocal": "plugins/ipam/host-local",
	"portmap":   "plugins/meta/portmap",
	"bandwidth": "plugins/meta/bandwidth",
	"firewall":  "plugins/meta/firewall",
}

// Overlay writes the generated files to tmp and returns the file of the repository that each one replaces. src is the
// directory of the plugins' module.
func Overlay(src, repo, tmp string) (map[string]string, error) {
	replace := map[string]string{}
	for name, dir := range plugins {
		files, err := filepath.Glob(filepath.Join(src, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := asPackage(f, name)
			if err != nil {
				return nil, err
			}
			out := filepath.Join(tmp, name+"-"+filepath.Base(f))
			if err := os.WriteFile(out, b, 0o644); err != nil {
				return nil, err
			}
			replace[filepath.Join(repo, "k3s/cni/plugins", name, filepath.Base(f))] = out
		}
	}
	return replace, nil
}

// asPackage turns a source file of a program into one of a package: it renames the package, and main to Main. func init
// is kept, because the program relied on it.
func asPackage(file, name string) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f.Name.Name = name
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "main" {
			fn.Name.Name = "Main"
		}
	}
	var b bytes.Buffer
	err = format.Node(&b, fset, f)
	return b.Bytes(), err
}
