package recipe

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/gosrc"
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
	inputs, err := k.code("build/recipe/gobin.go", "build/command")
	if err != nil {
		return graph.Step{}, err
	}
	if g.Arch == "arm" && g.C != "" {
		mend, err := k.code("build/irelative")
		if err != nil {
			return graph.Step{}, err
		}
		inputs = append(inputs, mend...)
	}
	if g.Overlay != nil {
		more, err := k.code("build/recipe/cni.go", "build/cnigen")
		if err != nil {
			return graph.Step{}, err
		}
		inputs = append(inputs, more...)
	}
	files, err := k.goSources(g, flags)
	inputs = append(inputs, files...)
	inputs = append(inputs, graph.Input{Name: "flags", Value: strings.Join(g.args("", flags), " ")}, graph.Input{Name: "arch", Value: g.Arch}, graph.Input{Name: "go", Value: runtime.Version()})
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
		return toolroot.Root{Dir: j.In(g.C)}.CC(pin.Triplet(DebianArch(g.Arch)))
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

// goSources hashes the files of our module that the package is compiled from, and go.mod and go.sum, which
// fix all others.
func (k *Kit) goSources(g Go, flags string) ([]graph.Input, error) {
	sources := []string{"go.mod", "go.sum"}
	if strings.HasPrefix(g.Package, "./") {
		ours, err := gosrc.Files(k.Repo, g.Package, g.Arch, append(tagsOf(flags), g.Tags...))
		if err != nil {
			return nil, err
		}
		sources = append(sources, ours...)
	}
	var out []graph.Input
	for _, f := range sources {
		sum, err := files.SHA256(filepath.Join(k.Repo, f))
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Input{Name: f, Value: sum})
	}
	return out, nil
}
