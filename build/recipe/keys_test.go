package recipe

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/sets"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotsig"
)

// kit works with our own sources and lock, as one fixed release.
func kit(t *testing.T) *Kit {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := pin.Load(filepath.Join(repo, "build/pin/debian.lock"))
	if err != nil {
		t.Fatal(err)
	}
	return &Kit{Repo: repo, Host: "amd64", Lock: lock, Compression: DefaultCompression,
		Release: releasefile.Release{Version: "v0", Commit: "c0", Kubernetes: "v1.37.2"}}
}

func board(t *testing.T, name string) boards.Board {
	t.Helper()
	b, err := boards.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recipes are all there are, as a plan asks for them.
func recipes(t *testing.T) map[string]func(k *Kit) (graph.Step, error) {
	t.Helper()
	pc, pi := board(t, "pc"), board(t, "rpi5")
	box := Container{Ref: "proa.local/box:1"}
	media := Media{Board: pc, Kernel: "kernel", Initramfs: "initramfs", Root: "root"}
	program := Install{Step: "go-init", File: "init", Path: "usr/bin/proa"}
	return map[string]func(k *Kit) (graph.Step, error){
		"disk":      func(k *Kit) (graph.Step, error) { return k.Disk(media, "f.img", []byte("hostname: a\n")) },
		"sd":        func(k *Kit) (graph.Step, error) { return k.SD(media, "f.img", []byte("hostname: a\n")) },
		"iso":       func(k *Kit) (graph.Step, error) { return k.ISO(media, "f.iso", []byte("hostname: a\n")) },
		"slot":      func(k *Kit) (graph.Step, error) { return k.SlotFile(media, "f.slot") },
		"grub":      func(k *Kit) (graph.Step, error) { return k.GRUBCore(pc, "boot-loaders") },
		"root":      func(k *Kit) (graph.Step, error) { return k.RootImage(Root{Board: pc, Programs: []Install{program}}) },
		"initramfs": func(k *Kit) (graph.Step, error) { return k.Initramfs(pc, program, "kernel") },
		"kernel":    func(k *Kit) (graph.Step, error) { return k.Kernel(sets.Kernel(pc), nil) },
		"packages":  func(k *Kit) (graph.Step, error) { return k.Packages(sets.Root(pc)) },
		"tools":     func(k *Kit) (graph.Step, error) { return k.Tools(sets.Root(pc)) },
		"kbuild":    func(k *Kit) (graph.Step, error) { return k.Kbuild(sets.Modules("amd64", pi)) },
		"module":    func(k *Kit) (graph.Step, error) { return k.KernelModule(Modules(pi)[0], pi.Arch, "tools", "kbuild") },
		"init":      func(k *Kit) (graph.Step, error) { return k.GoBinary(Go{Package: "./init", Arch: "amd64"}) },
		"cni":       func(k *Kit) (graph.Step, error) { return k.GoBinary(CNI("amd64")) },
		"foreign":   func(k *Kit) (graph.Step, error) { return k.GoBinary(Go{Package: "example.org/x", Arch: "amd64"}) },
		"archive":   func(k *Kit) (graph.Step, error) { return k.Archive(box, "amd64", nil) },
		"pause": func(k *Kit) (graph.Step, error) {
			return k.CProgram("tools", "amd64", kubernetesModule+"/pause.c", nil)
		},
		"sbom": func(k *Kit) (graph.Step, error) { return k.SBOM(Parts{Sets: []pin.Set{sets.Root(pc)}}) },
	}
}

// changes are what may differ between two builds.
func changes(t *testing.T) map[string]func(*Kit) {
	t.Helper()
	file := func(name string) func(*Kit) {
		if !exists(filepath.Join("../..", name)) {
			t.Errorf("%s is no file of ours any more", name)
		}
		return func(k *Kit) {
			was := *k
			k.Sum = func(f string) (string, error) {
				if f == name {
					return "changed", nil
				}
				return was.sum(f)
			}
		}
	}
	packageOf := func(id string) func(*Kit) {
		return func(k *Kit) {
			k.Lock.Sets = maps.Clone(k.Lock.Sets)
			k.Lock.Sets[id] = slices.Clone(k.Lock.Sets[id])
			k.Lock.Sets[id][0].SHA256 = "changed"
		}
	}
	pc, pi := board(t, "pc"), board(t, "rpi5")
	return map[string]func(*Kit){
		"version":        func(k *Kit) { k.Release.Version = "v1" },
		"commit":         func(k *Kit) { k.Release.Commit = "c1" },
		"Kubernetes":     func(k *Kit) { k.Release.Kubernetes = "v1.38.0" },
		"day":            func(k *Kit) { k.Lock.Date = k.Lock.Date.Add(24 * time.Hour) },
		"compression":    func(k *Kit) { k.Compression = "none" },
		"release root":   func(k *Kit) { k.Trust.Release = "another" },
		"slot keys":      func(k *Kit) { k.Trust = someKeys("1 of 2") },
		"root package":   packageOf(sets.Root(pc).ID()),
		"kernel package": packageOf(sets.Kernel(pc).ID()),
		"headers":        packageOf(sets.Modules("amd64", pi)[0].ID()),
		"module source":  file("init/kernel/proa_tryboot.c"),
		"PID 1":          file("init/pid1/pid1.go"),
		"CNI":            file("k3s/cni/main.go"),
		"go.sum":         file("go.sum"),
		"overlay":        file("overlay/rootfs.modes"),
		"image writer":   file("images/gpt/gpt.go"),
		"a board's data": file("boards/pc/board.yaml"),
	}
}

// TestKeysFollowInputs: each recipe is run again for what its output is made of, and for nothing else.
func TestKeysFollowInputs(t *testing.T) {
	medium := "Kubernetes commit day image writer slot keys version"
	want := map[string]string{
		"disk": medium, "sd": medium, "iso": medium, "slot": medium,
		"grub":      "image writer",
		"root":      "Kubernetes commit compression day image writer overlay release root slot keys version",
		"initramfs": "day slot keys",
		"kernel":    "kernel package", "packages": "root package", "tools": "root package", "kbuild": "headers",
		"module": "module source",
		"init":   "PID 1 go.sum image writer", "cni": "CNI go.sum", "foreign": "go.sum",
		"archive": "day", "pause": "", "sbom": "day image writer",
	}
	base := kit(t)
	before := keys(t, base)
	got := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(changes(t))) {
		k := *base
		changes(t)[name](&k)
		for recipe, key := range keys(t, &k) {
			if key != before[recipe] {
				got[recipe] = append(got[recipe], name)
			}
		}
	}
	for recipe := range before {
		if d := cmp.Diff(want[recipe], strings.Join(got[recipe], " ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", recipe, d)
		}
	}
}

// someKeys are the keys of a build that has some.
func someKeys(name string) Trust {
	return Trust{Name: name, Early: map[string][]byte{slotsig.EarlyPath: []byte("{}")}, Sign: func([]byte) ([]byte, error) { return slotsig.Unsigned(), nil }}
}

func keys(t *testing.T, k *Kit) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, recipe := range recipes(t) {
		s, err := recipe(k)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Run == nil {
			t.Errorf("%s does nothing", name)
		}
		out[name] = (&graph.Graph{}).Add(name, s).Key()
	}
	return out
}

// TestArgumentsAreKeys: what a plan asks for in other words is another output.
func TestArgumentsAreKeys(t *testing.T) {
	k := kit(t)
	key := func(s graph.Step, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return (&graph.Graph{}).Add("x", s).Key()
	}
	pc, other := board(t, "pc"), board(t, "pc")
	other.Console = append([]string{"ttyS9"}, other.Console...)
	media := Media{Board: pc}
	for name, pair := range map[string][2]string{
		"config":    {key(k.Disk(media, "f", nil)), key(k.Disk(media, "f", []byte("hostname: a\n")))},
		"board":     {key(k.Disk(media, "f", nil)), key(k.Disk(Media{Board: other}, "f", nil))},
		"container": {key(k.Archive(Container{Ref: "a:1"}, "arm", nil)), key(k.Archive(Container{Ref: "a:1", User: "1"}, "arm", nil))},
		"arch":      {key(k.Archive(Container{}, "arm", nil)), key(k.Archive(Container{}, "arm64", nil))},
		"C flags":   {key(k.CProgram("c", "arm", "x", nil)), key(k.CProgram("c", "arm", "x", []string{"-O2"}))},
		"defines":   {key(k.GoBinary(Go{Package: "./init", Arch: "arm"})), key(k.GoBinary(Go{Package: "./init", Arch: "arm", Defines: map[string]string{"main.a": "1"}}))},
		"static":    {key(k.GoBinary(Go{Package: "./init", Arch: "arm"})), key(k.GoBinary(Go{Package: "./init", Arch: "arm", C: "tools"}))},
		"sets":      {key(k.SBOM(Parts{})), key(k.SBOM(Parts{Sets: []pin.Set{sets.Kernel(pc)}}))},
	} {
		if pair[0] == pair[1] {
			t.Errorf("%s changes no key", name)
		}
	}
}

// TestMissingInputs: what a recipe needs and does not find is an error of the plan, before anything is built.
func TestMissingInputs(t *testing.T) {
	k := kit(t)
	k.Lock.Sets = nil
	for _, name := range []string{"kernel", "packages", "tools", "kbuild"} {
		if _, err := recipes(t)[name](k); err == nil || !strings.Contains(err.Error(), "run `proa lock`") {
			t.Errorf("%s: %v", name, err)
		}
	}
	k = kit(t)
	k.Repo = t.TempDir()
	for name, recipe := range recipes(t) {
		if name == "kbuild" || name == "kernel" || name == "packages" || name == "tools" {
			continue
		}
		if _, err := recipe(k); err == nil {
			t.Errorf("%s: planned without sources", name)
		}
	}
	if _, err := k.DefaultConfig(); err == nil {
		t.Error("a configuration out of nothing")
	}
}
