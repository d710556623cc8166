package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images"
)

// planned are images that together have every kind of step.
var planned = [][2]string{{"pc", "iso"}, {"pc", "disk"}, {"pc", "slot"}, {"rpi5", "sd"}, {"armv7-virt", "disk"}}

// simulation plans with the real sources, except one file.
type simulation struct {
	kit    *recipe.Kit
	sums   map[string]string
	other  string // the file whose content is replaced
	before map[string]string
	boards map[string]boards.Board
	known  map[string]map[string]bool // cache: steps that a file changes
}

func newSimulation(t *testing.T) *simulation {
	t.Helper()
	s := &simulation{kit: kit(t), sums: map[string]string{}, boards: map[string]boards.Board{}, known: map[string]map[string]bool{}}
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		s.boards[b.Name] = b
	}
	s.kit.Sum = func(name string) (sum string, err error) {
		if name == s.other {
			return "another", nil
		}
		if s.sums[name] == "" {
			s.sums[name], err = files.SHA256(filepath.Join(s.kit.Repo, name))
		}
		return s.sums[name], err
	}
	s.before = s.keys(t)
	return s
}

// keys returns the keys of all steps, by image and step: "pc iso root".
func (s *simulation) keys(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range planned {
		for _, k := range images.Kinds() {
			if k.Name != name[1] {
				continue
			}
			p, err := New(s.kit, s.boards[name[0]], k)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Graph.Actions {
				out[strings.Join(name[:], " ")+" "+a.Name] = a.Key()
			}
		}
	}
	return out
}

// change returns the names of the steps whose keys change with the content of the file.
func (s *simulation) change(t *testing.T, file string) map[string]bool {
	t.Helper()
	if have := s.known[file]; have != nil {
		return have
	}
	s.other = file
	defer func() { s.other = "" }()
	out := map[string]bool{}
	for name, key := range s.keys(t) {
		if s.before[name] != key {
			out[name[strings.LastIndex(name, " ")+1:]] = true
		}
	}
	s.known[file] = out
	return out
}

// tracked returns the files in git.
func tracked(t *testing.T, repo string) []string {
	t.Helper()
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z")
	cmd.Dir = repo
	out, err := cmd.Output()
	if err != nil {
		t.Skip("an unpacked archive of the sources has no git")
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// values are files whose parsed value is an input, not their text: a comment changes no key.
var values = []string{
	"boards/*/board.yaml", "boards/modules.yaml", "k3s/images.yaml", "build/pin/debian.lock", "build/go.env",
	"overlay/config.yaml",
}

// unread matches files beside the code that no image depends on.
var unread = regexp.MustCompile(`^(README\.md|LICENSE|Makefile|\.gitignore|\.ci/.*|docs/.*|.*/testdata/.*|.*\.md|config/(schema\.json|schema/check/.*|example\.yaml))$`)

// For each file, change its content: the keys of the steps that read it must change. For code, the compiler's file list
// says which these are; code that it lists for no program or recipe is host code and tests. Any other file that changes
// no key must be in the list of those known not to.
func TestEveryFileIsReadOrKnownNotToBe(t *testing.T) {
	s := newSimulation(t)
	for _, file := range tracked(t, s.kit.Repo) {
		known := strings.HasSuffix(file, ".go") || unread.MatchString(file) || slices.ContainsFunc(values, func(glob string) bool { ok, _ := path.Match(glob, file); return ok })
		if !known && len(s.change(t, file)) == 0 {
			t.Errorf("%s: another content changes no step's key; if nothing is made of it, unread says so", file)
		}
	}
	keysHoldWhatTheCompilerReads(t, s)
	forgottenFiles(t, s)
	needlessFiles(t, s)
}

// code maps each recipe's file and each program to the steps it is part of: all files that the compiler lists for it
// must change these.
var code = map[string][]string{ // build/recipe/*.go, or a program, to steps
	"debs.go": {"tools", "packages", "boot-loaders"}, "kernel.go": {"kernel"}, "module.go": {"module-proa_tryboot", "kbuild"},
	"container.go": {"image-pause", "c-pause"}, "root.go": {"root"}, "initramfs.go": {"initramfs"}, "disk.go": {"iso", "disk", "slot", "sd", "grub"},
	"sbom.go": {"sbom-iso", "sbom-disk", "sbom-sd"}, "gobin.go": {"go-init", "go-k3s", "go-coredns"}, "cni.go": {"go-cni"},
	"./init": {"go-init"}, "./k3s": {"go-k3s"}, "./k3s/cni": {"go-cni"}, "./k3s/coredns": {"go-coredns"}, "./k3s/box": {"go-box"},
}

// The go command lists the files that each recipe and program is compiled from; every such file must change the steps.
func keysHoldWhatTheCompilerReads(t *testing.T, s *simulation) {
	t.Helper()
	for from, steps := range code {
		roots, arch, tags := []string{from}, "amd64", "cni"
		if strings.HasSuffix(from, ".go") {
			roots, arch, tags = importsOf(t, s.kit.Repo, "build/recipe/"+from), runtime.GOARCH, ""
		}
		for _, file := range compiled(t, s.kit.Repo, arch, tags, roots) {
			if strings.HasPrefix(file, "boards/") && strings.HasSuffix(file, ".yaml") {
				continue // one of values
			}
			got := s.change(t, file)
			for _, step := range steps {
				if !got[step] {
					t.Errorf("%s is compiled into what makes %s, and does not change it", file, step)
				}
			}
		}
	}
}

// Files that a hand-written list had missed.
func forgottenFiles(t *testing.T, s *simulation) {
	t.Helper()
	for file, want := range map[string]string{
		"images/grubenv/grub.cfg": "disk", "images/uboot/boot.cmd": "sd", "images/uboot/slot.cmd": "sd", "images/mbr/mbr.go": "disk", "images/sparse/sparse.go": "iso",
		"build/recipe/initramfs.go": "initramfs", "images/cpio/cpio.go": "initramfs", "build/recipe/files.go": "tools",
	} {
		if !s.change(t, file)[want] {
			t.Errorf("%s does not change %s", file, want)
		}
	}
}

// Files whose steps would take long to make again, for nothing.
func needlessFiles(t *testing.T, s *simulation) {
	t.Helper()
	for file, spared := range map[string]string{"boards/validate.go": "kernel", "boards/modules.go": "kbuild"} {
		if s.change(t, file)[spared] {
			t.Errorf("%s changes %s, which takes nothing of a board but the names of packages", file, spared)
		}
	}
}

type compiledPackage struct {
	Dir                                                                        string
	GoFiles, CgoFiles, CFiles, HFiles, SFiles, CXXFiles, SysoFiles, EmbedFiles []string
}

// compiled returns the files of this repository that packages are compiled from, according to the go command.
func compiled(t *testing.T, repo, arch, tags string, roots []string) (out []string) {
	t.Helper()
	args := append([]string{"list", "-e", "-deps", "-json=Dir,GoFiles,CgoFiles,CFiles,HFiles,SFiles,CXXFiles,SysoFiles,EmbedFiles"}, roots...)
	if tags != "" {
		args = slices.Insert(args, 1, "-tags", goTags(t, repo)+","+tags)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = repo
	cmd.Env = append(cmd.Environ(), "GOARCH="+arch, "GOOS=linux", "CGO_ENABLED=1")
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", roots, err)
	}
	for d := json.NewDecoder(strings.NewReader(string(text))); ; {
		var p compiledPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		dir, err := filepath.Rel(repo, p.Dir)
		if err != nil || strings.HasPrefix(dir, "..") {
			continue
		}
		for _, f := range slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.HFiles, p.SFiles, p.CXXFiles, p.SysoFiles, p.EmbedFiles) {
			out = append(out, path.Join(filepath.ToSlash(dir), f))
		}
	}
}

// goTags returns the build tags in build/go.env.
func goTags(t *testing.T, repo string) string {
	t.Helper()
	cmd := exec.Command("sed", "-n", "s/^GOFLAGS=.*-tags=\\([^ ]*\\).*/\\1/p", "build/go.env")
	cmd.Dir = repo
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// importsOf returns the packages of this repository that a file imports.
func importsOf(t *testing.T, repo, file string) (out []string) {
	t.Helper()
	text, err := exec.Command("grep", "-o", `"github.com/proa-os/proa/[^"]*"`, filepath.Join(repo, file)).Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", file, err))
	}
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.Trim(strings.TrimSpace(line), `"`))
	}
	return out
}
