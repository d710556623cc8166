package recipe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/build/command"
)

// cniModule has the reference plugins; each is a program of its own.
const cniModule = "github.com/containernetworking/plugins"

// cniPlugins maps the packages k3s/cni imports (beneath plugins/) to the programs they are made of.
var cniPlugins = map[string]string{
	"bridge":    "plugins/main/bridge",
	"loopback":  "plugins/main/loopback",
	"hostlocal": "plugins/ipam/host-local",
	"portmap":   "plugins/meta/portmap",
	"bandwidth": "plugins/meta/bandwidth",
	"firewall":  "plugins/meta/firewall",
}

// CNI is the multi-call CNI program. A program cannot be imported, so each plugin's sources are given a
// package name and an exported Main while compiling; nothing generated lies in the repository.
func CNI(arch string) Go {
	return Go{Package: "./k3s/cni", Arch: arch, Tags: []string{"cni"}, Overlay: cniOverlay}
}

func cniOverlay(ctx context.Context, k *Kit, tmp string) (map[string]string, error) {
	src, err := k.ModuleDir(ctx, cniModule)
	if err != nil {
		return nil, err
	}
	replace := map[string]string{}
	for name, dir := range cniPlugins {
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
			replace[filepath.Join(k.Repo, "k3s/cni/plugins", name, filepath.Base(f))] = out
		}
	}
	return replace, nil
}

// asPackage turns a file of a program into one of a package: another name, and Main for main. A func init
// stays: the program relied on it.
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

// ModuleDir is where the go command keeps the sources of a module, downloading them if need be.
func (k *Kit) ModuleDir(ctx context.Context, mod string) (string, error) {
	flags, err := k.goFlags()
	if err != nil {
		return "", err
	}
	version, err := command.Command{Dir: k.Repo, Env: []string{"GOFLAGS=" + flags, "GOENV=off"}, Argv: []string{"go", "list", "-m", "-f", "{{.Version}}", mod}}.Run(ctx)
	if err != nil {
		return "", err
	}
	out, err := command.Command{Dir: k.Repo, Env: []string{"GOFLAGS=" + flags, "GOENV=off"}, Argv: []string{"go", "mod", "download", "-json", mod + "@" + strings.TrimSpace(string(version))}}.Run(ctx)
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil || m.Dir == "" {
		return "", fmt.Errorf("go mod download %s: no directory (%v)", mod, err)
	}
	return m.Dir, nil
}
