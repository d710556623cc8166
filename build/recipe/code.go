package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/gosrc"
	"github.com/proa-os/proa/build/graph"
)

// code makes inputs of what a recipe consists of, as the compiler sees it: the named files of this package, everything of the
// repository that they import, with embedded files, and the versions of what they import of other modules and of Go. A changed recipe
// is a changed step.
func (k *Kit) code(names ...string) ([]graph.Input, error) {
	flags, err := k.goFlags()
	if err != nil {
		return nil, err
	}
	paths := []string{"build/recipe/recipe.go", "build/recipe/code.go", "build/recipe/files.go"}
	for _, n := range names {
		paths = append(paths, "build/recipe/"+n)
	}
	src, err := k.tree(runtime.GOARCH, tagsOf(flags)).Code(paths...)
	if err != nil {
		return nil, err
	}
	inputs, err := k.codeFiles(src.Files)
	if err != nil {
		return nil, err
	}
	modules, err := k.versions(src.Imports...)
	for _, m := range sortedKeys(modules) {
		inputs = append(inputs, graph.Input{Name: "module " + m, Value: modules[m]})
	}
	return append(inputs, graph.Input{Name: "go", Value: runtime.Version()}), err
}

// codeFiles has one input for each directory. The boards' data is no code: a step names what it takes of its own board.
func (k *Kit) codeFiles(files []string) ([]graph.Input, error) {
	sums := map[string]string{}
	for _, f := range files {
		if strings.HasPrefix(f, "boards/") && !strings.HasSuffix(f, ".go") {
			continue
		}
		sum, err := k.sum(f)
		if err != nil {
			return nil, err
		}
		sums[path.Dir(f)] += path.Base(f) + " " + sum + "\n"
	}
	var out []graph.Input
	for _, dir := range sortedKeys(sums) {
		h := sha256.Sum256([]byte(sums[dir]))
		out = append(out, graph.Input{Name: "code " + dir, Value: hex.EncodeToString(h[:])})
	}
	return out, nil
}

// versions are those of the modules that packages are of.
func (k *Kit) versions(packages ...string) (_ map[string]string, err error) {
	if k.mods == nil {
		if k.mods, err = gosrc.ReadModules(k.Repo); err != nil {
			return nil, err
		}
	}
	return k.mods.Versions(packages)
}

// tree is the repository for one architecture and set of tags, read once.
func (k *Kit) tree(arch string, tags []string) *gosrc.Tree {
	key := fmt.Sprint(arch, tags)
	if k.trees[key] == nil {
		if k.trees == nil {
			k.trees = map[string]*gosrc.Tree{}
		}
		k.trees[key] = gosrc.New(k.Repo, arch, tags)
	}
	return k.trees[key]
}

// sum is the digest of a file of the repository, read once.
func (k *Kit) sum(name string) (string, error) {
	if k.Sum != nil {
		return k.Sum(name)
	}
	if sum := k.sums[name]; sum != "" {
		return sum, nil
	}
	if k.sums == nil {
		k.sums = map[string]string{}
	}
	var err error
	k.sums[name], err = files.SHA256(filepath.Join(k.Repo, name))
	return k.sums[name], err
}

// goFlags reads GOFLAGS of build/go.env, the one set of build flags.
func (k *Kit) goFlags() (string, error) {
	b, err := os.ReadFile(filepath.Join(k.Repo, "build/go.env"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "GOFLAGS="); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("build/go.env: no GOFLAGS")
}

// tagsOf returns the tags in GOFLAGS; -tags on the command line would replace them.
func tagsOf(flags string) []string {
	for f := range strings.FieldsSeq(flags) {
		if v, ok := strings.CutPrefix(f, "-tags="); ok {
			return strings.Split(v, ",")
		}
	}
	return nil
}
