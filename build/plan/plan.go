// Package plan is the pipeline: the steps that make an image of a board, and their dependencies. How a step is done is
// in build/recipe, when it is done in build/graph. It runs nothing.
package plan

import (
	"slices"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/build/sets"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
)

// Plan has the steps for one image, and marks those whose outputs the user wants.
type Plan struct {
	Graph *graph.Graph
	Board boards.Board
	Kind  images.Kind
	Image *graph.Action // writes File
	SBOM  *graph.Action // writes File + ".spdx.json"
}

// File returns the image's file name in its step's output and in out/BOARD.
func (p *Plan) File() string { return FileName(p.Board, p.Kind) }

// FileName returns a name such as "proa-pc.iso".
func FileName(b boards.Board, kind images.Kind) string { return "proa-" + b.Name + kind.File }

// Scope returns the name of the history that the plan is compared with. It is the board, because a board's images share
// most steps.
func (p *Plan) Scope() string { return p.Board.Name }

// New plans an image.
func New(k *recipe.Kit, b boards.Board, kind images.Kind) (*Plan, error) {
	p := &planner{Kit: k, graph: &graph.Graph{}, board: b}
	config, err := k.DefaultConfig()
	if err != nil {
		return nil, err
	}

	tools := p.step("tools")(k.Tools(debian.Tools(k.Host)))
	modules := p.modules(tools)
	kernel := p.step("kernel", append(modules, tools)...)(k.Kernel(sets.Kernel(b), names(modules)))
	packages := p.step("packages")(k.Packages(sets.Root(b)))

	compiler := p.compiler(tools)
	programs, compiled := p.programs(compiler)
	archives := p.archives(compiler)

	root := p.step("root", append(append(compiled, archives...), tools, kernel, packages)...)(k.RootImage(recipe.Root{
		Board: b, Packages: packages.Name, Kernel: kernel.Name, Programs: programs, Archives: names(archives)}))
	initramfs := p.step("initramfs", p.graph.Find("go-init"), kernel)(k.Initramfs(b, programs[0], kernel.Name))

	media := recipe.Media{Board: b, Kernel: kernel.Name, Initramfs: initramfs.Name, Root: root.Name}
	needs := []*graph.Action{kernel, initramfs, root}
	if set, ok := sets.Boot(b); ok {
		needs = append(needs, p.step("boot-loaders")(k.Debs(set)))
		media.Loaders = "boot-loaders"
	}
	if set, ok := sets.Firmware(b); ok {
		needs = append(needs, p.step("firmware")(k.Debs(set)))
		media.Firmware = "firmware"
	}
	content := sets.All(b)
	out := &Plan{Graph: p.graph, Board: b, Kind: kind}
	if (kind.Name == "disk" || kind.Name == "iso") && b.Chains("disk").Has(chain.GRUB) { // an ISO has it for the installer
		grub := p.step("grub", tools, p.graph.Find(media.Loaders))(k.GRUBCore(b, media.Loaders))
		media.GRUB, needs = grub.Name, append(needs, grub)
	}
	switch kind.Name {
	case "iso":
		out.Image = p.step("iso", needs...)(k.ISO(media, out.File(), config))
	case "slot":
		media.Loaders, media.Firmware, content = "", "", sets.Slot(b) // a slot file has no boot loaders
		out.Image = p.step("slot", kernel, initramfs, root)(k.SlotFile(media, out.File()))
	case "disk":
		out.Image = p.step("disk", needs...)(k.Disk(media, out.File(), config))
	case "sd":
		out.Image = p.step("sd", needs...)(k.SD(media, out.File(), config))
	}
	out.SBOM = p.step("sbom-"+kind.Name, append(append(compiled, archives...), out.Image, root, packages)...)(k.SBOM(recipe.Parts{
		Image: out.Image.Name, File: out.File(), Packages: packages.Name, Root: root.Name, Sets: content}))
	return out, p.err
}

// deviceProgram is a program in the root image.
type deviceProgram struct {
	goPackage recipe.Go
	path      string
	links     []string
}

// installer is in the images of boards that have an ISO.
const installer = "./init/install/proa-install"

// devicePrograms is the table of programs; PID 1 is the first. k3s is the only one that uses cgo (SQLite).
func devicePrograms(k *recipe.Kit, arch, compiler string) []deviceProgram {
	// Kubernetes reads its version from its own variables, and uses it to accept or refuse nodes and clients.
	major, minor, _ := strings.Cut(strings.TrimPrefix(k.Release.Kubernetes, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	kubernetes := map[string]string{
		"main.kubernetes":                          k.Release.Kubernetes, // not proa's version, which is read from release.json: a commit must not link these programs again
		"k8s.io/component-base/version.gitVersion": k.Release.Kubernetes,
		"k8s.io/component-base/version.gitMajor":   major,
		"k8s.io/component-base/version.gitMinor":   minor,
	}
	cni := k3sflags.CNIBinDir[1:] + "/"
	return []deviceProgram{
		{recipe.Go{Package: "./init", Arch: arch},
			"usr/bin/proa", []string{"usr/sbin/init", "usr/sbin/modprobe", "usr/bin/sudo"}},
		{recipe.Go{Package: "./init/fetch/proa-fetch", Arch: arch}, "usr/libexec/proa/proa-fetch", nil},
		{recipe.Go{Package: installer, Arch: arch}, "usr/libexec/proa/proa-install", nil},
		{recipe.Go{Package: "./init/upgrade/proa-upgrade", Arch: arch}, "usr/libexec/proa/proa-upgrade", nil},
		{recipe.Go{Package: "./k3s", Arch: arch, C: compiler, Defines: kubernetes},
			"usr/bin/k3s", []string{"usr/bin/kubectl", "usr/bin/ctr"}},
		{recipe.Go{Package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2", Arch: arch},
			"usr/bin/containerd-shim-runc-v2", nil},
		{recipe.CNI(arch), cni + "proa-cni", []string{cni + "bridge", cni + "host-local", cni + "loopback", cni + "portmap",
			cni + "bandwidth", cni + "firewall", cni + "flannel"}},
	}
}

// programs plans the compilation of the programs in the root image.
func (p *planner) programs(compiler *graph.Action) (list []recipe.Install, steps []*graph.Action) {
	for _, d := range devicePrograms(p.Kit, p.board.Arch, compiler.Name) {
		if d.goPackage.Package == installer && !slices.Contains(p.board.Images, "iso") {
			continue // nothing to install from
		}
		s := p.compile(d.goPackage, compiler)
		steps = append(steps, s)
		list = append(list, recipe.Install{Step: s.Name, File: d.goPackage.Name(), Path: d.path, Links: d.links})
	}
	return list, steps
}

// archives plans the container images of k3s/images.yaml and the programs in them.
func (p *planner) archives(compiler *graph.Action) []*graph.Action {
	list, err := p.Containers()
	p.fail(err)
	var out []*graph.Action
	for _, c := range list {
		programs := map[string]recipe.Install{}
		var needs []*graph.Action
		for _, f := range c.Files {
			var s *graph.Action
			var file string
			if f.C != "" {
				file = strings.TrimSuffix(f.C[strings.LastIndex(f.C, "/")+1:], ".c")
				s = p.step("c-"+file, compiler)(p.CProgram(compiler.Name, p.board.Arch, f.C, f.CFlags))
			} else {
				g := recipe.Go{Package: f.Go, Arch: p.board.Arch}
				s, file = p.compile(g, compiler), g.Name()
			}
			programs[f.Path] = recipe.Install{Step: s.Name, File: file}
			needs = append(needs, s)
		}
		out = append(out, p.step("image-"+c.Name(), needs...)(p.Archive(c, p.board.Arch, programs)))
	}
	return out
}

func names(list []*graph.Action) (out []string) {
	for _, a := range list {
		out = append(out, a.Name)
	}
	return out
}
