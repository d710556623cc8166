package gosrc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Modules is the parsed go.mod.
type Modules struct{ mod *modfile.File }

// ReadModules reads the go.mod of a repository.
func ReadModules(repo string) (*Modules, error) {
	name := filepath.Join(repo, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(name, text, nil)
	if err != nil {
		return nil, err
	}
	return &Modules{mod}, nil
}

// Versions returns the versions in go.mod of the modules that packages belong to.
func (m *Modules) Versions(imports []string) (map[string]string, error) {
	out := map[string]string{}
	for _, i := range imports {
		path, version := m.provider(i)
		if path == "" {
			return nil, fmt.Errorf("go.mod names no module for %s", i)
		}
		out[path] = version
	}
	return out, nil
}

// provider returns the module with the longest path that is a prefix of the package's, after replace directives.
func (m *Modules) provider(pkg string) (path, version string) {
	for _, r := range m.mod.Require {
		if len(r.Mod.Path) > len(path) && (pkg == r.Mod.Path || strings.HasPrefix(pkg, r.Mod.Path+"/")) {
			path, version = r.Mod.Path, r.Mod.Version
		}
	}
	for _, r := range m.mod.Replace {
		if r.Old.Path == path {
			version = r.New.String()
		}
	}
	return path, version
}
