package recipe

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
	"github.com/proa-os/proa/images/oci"
	"github.com/proa-os/proa/images/tree"
)

// Container is one row of k3s/images.yaml: an image every node carries.
type Container struct {
	Ref        string   `yaml:"ref"`
	Entrypoint []string `yaml:"entrypoint"`
	User       string   `yaml:"user"`
	Env        []string `yaml:"env"`
	Files      []struct {
		Path   string   `yaml:"path"`
		Go     string   `yaml:"go"`
		C      string   `yaml:"c"`
		CFlags []string `yaml:"cflags"`
		Links  []string `yaml:"links"`
	} `yaml:"files"`
	Dirs []struct {
		Path string `yaml:"path"`
		Mode string `yaml:"mode"`
	} `yaml:"dirs"`
}

// Name is the last part of the reference without its tag: "pause".
func (c Container) Name() string {
	name, _, _ := strings.Cut(path.Base(c.Ref), ":")
	return name
}

// Containers reads k3s/images.yaml; unknown keys are errors.
func (k *Kit) Containers() ([]Container, error) {
	b, err := os.ReadFile(filepath.Join(k.Repo, "k3s/images.yaml"))
	if err != nil {
		return nil, err
	}
	var doc struct{ Images []Container }
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("k3s/images.yaml: %w", err)
	}
	return doc.Images, nil
}

// Archive packs a container image. programs maps a path in the image to the step and file that has it.
func (k *Kit) Archive(c Container, arch string, programs map[string]Install) (graph.Step, error) {
	inputs, err := k.code("container.go", "entries.go", "static.go")
	inputs = append(inputs, k.epoch(), arguments(programs), graph.Input{Name: "image", Value: fmt.Sprintf("%+v", c)}, graph.Input{Name: "arch", Value: arch})
	run := func(_ context.Context, j *graph.Job) error {
		entries, err := containerEntries(j, c, programs)
		if err != nil {
			return err
		}
		img := oci.Image{Name: c.Ref, Arch: arch, Entrypoint: c.Entrypoint, User: c.User, Env: c.Env, Entries: entries, When: k.when()}
		return files.Create(j.Path(c.Name()+".tar"), func(f *os.File) error { return oci.Write(f, img) })
	}
	return step(graph.Step{Run: run}, inputs, err)
}

func containerEntries(j *graph.Job, c Container, programs map[string]Install) ([]tree.Entry, error) {
	var out []tree.Entry
	for _, f := range c.Files {
		p := programs[f.Path]
		content, err := tree.HostFile(filepath.Join(j.In(p.Step), p.File))
		if err != nil {
			return nil, err
		}
		out = append(out, tree.File(strings.TrimPrefix(f.Path, "/"), 0o755, content))
		for _, l := range f.Links {
			out = append(out, tree.Symlink(strings.TrimPrefix(l, "/"), f.Path))
		}
	}
	for _, d := range c.Dirs {
		mode, err := strconv.ParseUint(d.Mode, 8, 12)
		if err != nil {
			return nil, fmt.Errorf("%s: mode of %s: %w", c.Ref, d.Path, err)
		}
		out = append(out, tree.Dir(strings.TrimPrefix(d.Path, "/"), unixMode(uint32(mode))))
	}
	return out, nil
}

// unixMode turns the octal digits people write into Go's bits.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for bit, goBit := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&bit != 0 {
			mode |= goBit
		}
	}
	return mode
}

// CProgram compiles a C file of a Go module, named MODULE/PATH, to one static stripped program.
func (k *Kit) CProgram(compiler, arch, source string, flags []string) (graph.Step, error) {
	inputs, err := k.code("container.go", "entries.go", "static.go", "gobin.go", "cni.go")
	if err != nil {
		return graph.Step{}, err
	}
	module, err := k.versions(kubernetesModule)
	inputs = append(inputs, graph.Input{Name: "module " + kubernetesModule, Value: module[kubernetesModule]}, graph.Input{Name: "source", Value: source}, graph.Input{Name: "arch", Value: arch}, graph.Input{Name: "flags", Value: strings.Join(flags, " ")})
	run := func(ctx context.Context, j *graph.Job) error {
		return k.compileC(ctx, j, gcc(j, compiler, arch), source, flags)
	}
	return step(graph.Step{Run: run}, inputs, err)
}

// gcc is the compiler that a step unpacked, for a GOARCH.
func gcc(j *graph.Job, step, arch string) []string {
	return toolroot.Root{Dir: j.In(step)}.GCC(pin.Triplet(pin.DebianArch(arch)))
}

// kubernetesModule is the only module whose C files are compiled so far.
const kubernetesModule = "k8s.io/kubernetes"

func (k *Kit) compileC(ctx context.Context, j *graph.Job, gcc []string, source string, flags []string) error {
	rel, ok := strings.CutPrefix(source, kubernetesModule+"/")
	if !ok {
		return fmt.Errorf("%s: not in %s", source, kubernetesModule)
	}
	dir, err := k.ModuleDir(ctx, kubernetesModule)
	if err != nil {
		return err
	}
	out := strings.TrimSuffix(path.Base(source), ".c")
	argv := append(append(gcc, flags...), "-s", "-Wl,--build-id=none", "-o", j.Path(out), path.Base(rel))
	if _, err := (command.Command{Dir: filepath.Join(dir, path.Dir(rel)), Argv: argv}).Run(ctx); err != nil {
		return err
	}
	return checkStatic(j.Path(out))
}
