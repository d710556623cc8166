package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/irelative"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
)

// Go describes a program to compile for the device.
type Go struct {
	Package string // "./init", or an import path of a module in go.sum
	Arch    string // GOARCH
	C       string // step that unpacked the C compiler it is linked by, statically; empty: it links no C
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
	code := []string{"gobin.go", "static.go"}
	if g.Overlay != nil {
		code = append(code, "cni.go")
	}
	inputs, err := k.code(code...)
	if err != nil {
		return graph.Step{}, err
	}
	files, err := k.goSources(g, flags)
	inputs = append(inputs, files...)
	inputs = append(inputs, graph.Input{Name: "flags", Value: strings.Join(g.args("", flags), " ")}, graph.Input{Name: "GOFLAGS", Value: flags},
		graph.Input{Name: "arch", Value: g.Arch})
	run := func(ctx context.Context, j *graph.Job) error { return k.compile(ctx, j, g, flags) }
	return step(graph.Step{Run: run}, inputs, err)
}

func (g Go) args(out, flags string) []string {
	ld := []string{"-s", "-w", "-buildid="}
	for _, name := range sortedKeys(g.Defines) {
		ld = append(ld, "-X", name+"="+g.Defines[name])
	}
	if g.C != "" {
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
	env, err := k.GoEnv(ctx)
	if err != nil {
		return err
	}
	env = append(append(env, target(g.Arch)...), "CC="+g.compiler(j))
	if _, err := (command.Command{Dir: k.Repo, Env: env, Argv: append(append([]string{"go"}, args...), g.Package)}).Run(ctx); err != nil {
		return err
	}
	if _, err := irelative.Mend(out); err != nil {
		return err
	}
	return checkStatic(out)
}

// compiler is none for a program that is not to link C: if it would, the build fails instead of taking
// the host's.
func (g Go) compiler(j *graph.Job) string {
	if g.C != "" {
		return toolroot.Root{Dir: j.In(g.C)}.CC(pin.Triplet(pin.DebianArch(g.Arch)))
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

// target fixes what programs are compiled for.
func target(arch string) []string {
	return []string{"GOOS=linux", "GOARCH=" + arch, "GOAMD64=v1", "GOARM=7"}
}

// places are those settings of the go command that say where modules come from and where they are kept.
var places = []string{"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOTOOLCHAIN", "GOPATH", "GOMODCACHE", "GOCACHE"}

// GoEnv is what the go command gets of us: all that may change bytes is fixed, and of what the user set by "go env -w" only places
// hold. cgo is on for all programs, so that packages are compiled once for programs that link C and those that do not.
func (k *Kit) GoEnv(ctx context.Context) ([]string, error) {
	flags, err := k.goFlags()
	if err != nil {
		return nil, err
	}
	env := []string{"CGO_ENABLED=1", "GOWORK=off", "GOENV=off", "GOFLAGS=" + flags}
	users := []string{"GOFLAGS=", "GOWORK=off"}
	if file, set := os.LookupEnv("GOENV"); set {
		users = append(users, "GOENV="+file)
	}
	out, err := command.Command{Dir: k.Repo, Env: users, Argv: append([]string{"go", "env", "-json"}, places...)}.Run(ctx)
	if err != nil {
		return nil, err
	}
	var set map[string]string
	if err := json.Unmarshal(out, &set); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	for _, name := range places {
		env = append(env, name+"="+set[name])
	}
	return env, nil
}

// goSources hashes the files of our module that the package is compiled from, and go.mod and go.sum, which
// fix all others.
func (k *Kit) goSources(g Go, flags string) ([]graph.Input, error) {
	sources := []string{"go.mod", "go.sum"}
	if strings.HasPrefix(g.Package, "./") {
		ours, err := k.tree(g.Arch, append(tagsOf(flags), g.Tags...)).Program(g.Package)
		if err != nil {
			return nil, err
		}
		sources = append(sources, ours.Files...)
	}
	var out []graph.Input
	for _, f := range sources {
		sum, err := k.sum(f)
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Input{Name: f, Value: sum})
	}
	return out, nil
}
