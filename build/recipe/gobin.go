package recipe

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/proa-os/proa/build/graph"
)

const module = "github.com/proa-os/proa"

// Go describes a program to compile for the device.
type Go struct {
	Package string // "./init", or an import path of a module in go.sum
	Arch    string // GOARCH
	C       bool   // links C, statically, by the compiler of the tool root
	Tags    []string
	Defines map[string]string // -X
	Overlay func(ctx context.Context, k *Kit, dir string) (map[string]string, error)
}

// Name is the file it is compiled to.
func (g Go) Name() string { return path.Base(g.Package) }

// GoBinary compiles one static, stripped program. What it reads of other modules is fixed by go.sum, so
// only our own files need hashing.
func (k *Kit) GoBinary(g Go) (graph.Step, error) {
	flags, err := k.goFlags()
	if err != nil {
		return graph.Step{}, err
	}
	inputs, err := k.code("build/recipe/gobin.go", "build/recipe/exec.go")
	if err != nil {
		return graph.Step{}, err
	}
	if g.Overlay != nil {
		more, err := k.code("build/recipe/cni.go")
		if err != nil {
			return graph.Step{}, err
		}
		inputs = append(inputs, more...)
	}
	files, err := k.goSources(g, flags)
	inputs = append(inputs, files...)
	inputs = append(inputs, graph.Input{Name: "flags", Value: strings.Join(g.args("", flags), " ")}, graph.Input{Name: "go", Value: runtime.Version()})
	run := func(ctx context.Context, j *graph.Job) error { return k.compile(ctx, j, g, flags) }
	return step(graph.Step{Run: run}, inputs, err)
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

func (g Go) args(out, flags string) []string {
	ld := []string{"-s", "-w", "-buildid="}
	for _, name := range sortedKeys(g.Defines) {
		ld = append(ld, "-X", name+"="+g.Defines[name])
	}
	if g.C {
		ld = append(ld, "-linkmode", "external", "-extldflags", "-static")
	}
	args := []string{"build", "-o", out, "-ldflags", strings.Join(ld, " ")}
	if len(g.Tags) > 0 {
		args = append(args, "-tags", strings.Join(append(tagsOf(flags), g.Tags...), ","))
	}
	return args
}

func (k *Kit) compile(ctx context.Context, j *graph.Job, g Go, flags string) error {
	out := j.Path(g.Name())
	args := g.args(out, flags)
	if g.Overlay != nil {
		tmp, err := j.Tmp()
		if err != nil {
			return err
		}
		file, err := k.writeOverlay(ctx, g, tmp)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", file)
	}
	env := append(goEnv(g.Arch, flags), "CC="+g.compiler(j))
	if _, err := (command{dir: k.Repo, env: env, argv: append(append([]string{"go"}, args...), g.Package)}).run(ctx); err != nil {
		return err
	}
	return checkStatic(out)
}

// compiler is none for a program that is not to link C: if it would, the build fails instead of taking
// the host's.
func (g Go) compiler(j *graph.Job) string {
	if g.C {
		return tools(j).CC()
	}
	return "/bin/false"
}

func (k *Kit) writeOverlay(ctx context.Context, g Go, tmp string) (string, error) {
	replace, err := g.Overlay(ctx, k, tmp)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(tmp, "overlay.json")
	return file, os.WriteFile(file, b, 0o644)
}

// goEnv fixes everything that may change bytes. cgo is on for all programs, so that packages are compiled
// once for programs that link C and those that do not.
func goEnv(arch, flags string) []string {
	return []string{"CGO_ENABLED=1", "GOOS=linux", "GOARCH=" + arch, "GOAMD64=v1", "GOARM=7", "GOWORK=off", "GOENV=off", "GOFLAGS=" + flags}
}

// checkStatic refuses a program that would look for libraries the device does not have.
func checkStatic(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // read side: nothing to lose
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked; the device has no libraries for it", filepath.Base(file))
		}
	}
	return nil
}

// goSources hashes the files of our module that the package is compiled from, found by following imports,
// and go.mod and go.sum for all others.
func (k *Kit) goSources(g Go, flags string) ([]graph.Input, error) {
	files := map[string]bool{"go.mod": true, "go.sum": true}
	if strings.HasPrefix(g.Package, "./") {
		ctx := build.Default
		ctx.GOARCH, ctx.GOOS, ctx.CgoEnabled = g.Arch, "linux", true
		ctx.BuildTags = append(tagsOf(flags), g.Tags...)
		if err := k.follow(&ctx, path.Clean(g.Package), map[string]bool{}, files); err != nil {
			return nil, err
		}
	}
	var out []graph.Input
	for _, f := range sorted(files) {
		sum, err := fileSum(filepath.Join(k.Repo, f))
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Input{Name: f, Value: sum})
	}
	return out, nil
}

// follow adds a package's files and those of the packages of our module it imports.
func (k *Kit) follow(ctx *build.Context, dir string, seen, files map[string]bool) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	p, err := ctx.ImportDir(filepath.Join(k.Repo, dir), 0)
	if err != nil {
		if _, none := err.(*build.NoGoError); none && len(seen) > 1 {
			return nil // a package that only exists in the compile's overlay
		}
		return err
	}
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.CFiles, p.HFiles, p.SFiles} {
		for _, f := range list {
			files[path.Join(dir, f)] = true
		}
	}
	if err := k.embedded(dir, p.EmbedPatterns, files); err != nil {
		return err
	}
	for _, imp := range p.Imports {
		if sub, ours := strings.CutPrefix(imp, module+"/"); ours && exists(filepath.Join(k.Repo, sub)) {
			if err := k.follow(ctx, sub, seen, files); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// embedded adds files of go:embed patterns; a directory stands for all beneath.
func (k *Kit) embedded(dir string, patterns []string, files map[string]bool) error {
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(k.Repo, dir, strings.TrimPrefix(pattern, "all:")))
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := k.addTree(f, files); err != nil {
				return err
			}
		}
	}
	return nil
}
