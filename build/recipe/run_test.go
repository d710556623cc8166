package recipe

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/sbom"
	"github.com/proa-os/proa/build/sets"
	"github.com/proa-os/proa/build/testfiles"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// job is one whose dependencies are these directories. The tools are the host's, or `proa tool`'s.
func job(t *testing.T, deps map[string]string, toolNames ...string) *graph.Job {
	t.Helper()
	root := t.TempDir()
	for _, name := range toolNames {
		dir := filepath.Join(root, "usr/bin")
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink(oracle.Tool(t, name), filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	if deps == nil {
		deps = map[string]string{}
	}
	deps["tools"] = root
	out := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	return graph.NewJob(out, deps)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// debs has one package, made by dpkg-deb.
type debs struct {
	dir     string
	fetched int
	err     error
}

func (d *debs) File(p pin.Package) string { return filepath.Join(d.dir, p.Name+".deb") }
func (d *debs) Fetch(context.Context, string, []pin.Package, func(done, total int64)) error {
	d.fetched++
	return d.err
}

// packed is a kit whose lock has a set of two packages, and the set.
func packed(t *testing.T) (*Kit, *debs, pin.Set) {
	t.Helper()
	tool := oracle.Tool(t, "dpkg-deb")
	k, set := kit(t), sets.Root(board(t, "pc"))
	d := &debs{dir: t.TempDir()}
	k.Store = d
	list := []pin.Package{{Name: "crun", Version: "1.2", Arch: "amd64", SHA256: "aa"}, {Name: "mail", Version: "1", Arch: "amd64", SHA256: "bb"}}
	k.Lock.Sets = map[string][]pin.Package{set.ID(): list}
	for _, p := range list {
		dir := testfiles.Write(t, map[string]string{"DEBIAN/control": "Package: " + p.Name + "\nVersion: " + p.Version + "\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n",
			"usr/bin/" + p.Name: "#!", "usr/share/doc/" + p.Name + "/copyright": "License: MIT\n"})
		if out, err := exec.Command(tool, "-b", dir, d.File(p)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return k, d, set
}

// TestPackages: what the lock names is fetched, unpacked, and each file's package is remembered. What cannot be fetched ends the step.
func TestPackages(t *testing.T) {
	k, store, set := packed(t)
	s, err := k.Packages(set)
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, nil)
	if err := s.Run(t.Context(), j); err != nil || store.fetched != 1 {
		t.Fatalf("fetched %d times, %v", store.fetched, err)
	}
	var owners map[string]string
	if err := readJSON(j.Path(ownersFile), &owners); err != nil || owners["usr/bin/crun"] != "crun" || owners["usr/bin/mail"] != "mail" {
		t.Errorf("owners %v, %v", owners, err)
	}
	if string(read(t, j.Path("usr/bin/crun"))) != "#!" {
		t.Error("the program was not unpacked")
	}
	store.err = errors.New("no archive answers")
	if err := s.Run(t.Context(), job(t, nil)); !errors.Is(err, store.err) {
		t.Errorf("%v", err)
	}
	store.err = nil
	if err := os.Remove(filepath.Join(store.dir, "mail.deb")); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), job(t, nil)); err == nil || !strings.Contains(err.Error(), "mail.deb") {
		t.Errorf("a package that is not there: %v", err)
	}
}

// TestSBOMHasWhatTheImageHas: of the root's packages those that it took files of, and the modules of each program.
func TestSBOMHasWhatTheImageHas(t *testing.T) {
	k, _, set := packed(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := t.TempDir()
	if err := copyFile(self, filepath.Join(program, "init"), 0o755); err != nil {
		t.Fatal(err)
	}
	deps := map[string]string{
		"disk": testfiles.Write(t, map[string]string{"a.img": "image"}), "go-init": program,
		"packages": testfiles.Write(t, map[string]string{ownersFile: `{"usr/bin/crun": "crun", "usr/bin/mail": "mail", "etc/dir": "mail"}`}),
	}
	root := job(t, deps)
	deps["root"] = root.Out
	entries := []tree.Entry{tree.File("usr/bin/crun", 0o755, tree.Bytes(nil)), tree.Dir("etc/dir", 0o755), tree.File("usr/bin/proa", 0o755, tree.Bytes(nil))}
	if err := writeUsed(root, entries, "packages"); err != nil {
		t.Fatal(err)
	}
	s, err := k.SBOM(Parts{Image: "disk", File: "a.img", Packages: "packages", Root: "root", Sets: []pin.Set{set}})
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, deps)
	if err := s.Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	var doc sbom.Document
	if err := json.Unmarshal(read(t, j.Path("a.img.spdx.json")), &doc); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range doc.Packages {
		names = append(names, p.Name)
	}
	for name, want := range map[string]bool{"crun": true, "mail": false, "std": true} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s is in it: %v; packages %q", name, !want, names)
		}
	}
	deps["go-init"] = testfiles.Write(t, map[string]string{"init": "no program"})
	if err := s.Run(t.Context(), job(t, deps)); err == nil {
		t.Error("a program without modules was described")
	}
}

// TestRootFileSystem: the same tree and day make the same bytes, fsck.erofs finds no fault in them, and beside them is what they are made of.
func TestRootFileSystem(t *testing.T) {
	fsck := oracle.Tool(t, "fsck.erofs")
	k := kit(t)
	entries := []tree.Entry{tree.Dir("etc", 0o755), tree.File("etc/shadow", 0o600, tree.Bytes([]byte("root:!"))), tree.Symlink("bin", "usr/bin"),
		tree.File("usr/bin/k3s", 0o755, tree.Bytes(bytes.Repeat([]byte("k3s"), 10000)))}
	k.Compression = "lz4"
	var images [2][]byte
	for i := range images {
		j := job(t, nil)
		images[i] = rootOf(t, k, j, entries)
		if out, err := exec.Command(fsck, "--extract", j.Path("root.img")).CombinedOutput(); err != nil {
			t.Errorf("fsck.erofs: %v\n%s", err, out)
		}
		var r media.Regions
		if err := json.Unmarshal(read(t, j.Path(media.RegionsFile)), &r); err != nil || r.Form != "erofs-lz4-1" || len(r.Regions) != 2 || r.Regions[1].Path != "usr/bin/k3s" {
			t.Errorf("regions %+v, %v", r, err)
		}
	}
	if len(images[0]) == 0 || !bytes.Equal(images[0], images[1]) {
		t.Error("two runs differ")
	}
	k.Lock.Date = k.Lock.Date.AddDate(0, 0, 1)
	if bytes.Equal(rootOf(t, k, job(t, nil), entries), images[0]) {
		t.Error("another day has the same bytes")
	}
}

func rootOf(t *testing.T, k *Kit, j *graph.Job, entries []tree.Entry) []byte {
	t.Helper()
	f, err := os.Create(j.Path("root.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := k.writeFiles(j, entries, f); err != nil {
		t.Fatal(err)
	}
	return read(t, f.Name())
}

// TestMetered: what is read of contents is counted, and entries without content stay as they are.
func TestMetered(t *testing.T) {
	var done, total int64
	entries := []tree.Entry{tree.Dir("etc", 0o755), tree.File("etc/a", 0o644, tree.Bytes([]byte("four"))), tree.File("etc/b", 0o644, tree.Bytes([]byte("more")))}
	for _, e := range metered(entries, func(d, all int64) { done, total = d, all })[:2] {
		if _, err := e.Content.ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	if done != 4 || total != 8 {
		t.Errorf("%d of %d bytes", done, total)
	}
}

// TestReleaseEntries: the image says what it is, to proa and to whoever reads os-release, with the board that it is for.
func TestReleaseEntries(t *testing.T) {
	list, err := kit(t).releaseEntries(board(t, "rpi5"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range list {
		if e.Mode.IsRegular() {
			text, err := e.Content.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			texts[e.Path] = string(text)
		}
	}
	if j := texts["usr/share/proa/release.json"]; !strings.Contains(j, `"rpi5"`) || !strings.Contains(j, `"v0"`) || !strings.Contains(j, `"v1.37.2"`) || !strings.Contains(j, fmt.Sprintf(`"layout": %d,`, layout.Version)) {
		t.Errorf("release.json: %s", j)
	}
	if r := texts["usr/lib/os-release"]; !strings.Contains(r, "v0") {
		t.Errorf("os-release: %s", r)
	}
}

// TestForeignC: C programs come from the one module whose sources are pinned.
func TestForeignC(t *testing.T) {
	if err := kit(t).compileC(t.Context(), job(t, nil), []string{"false"}, "example.org/pause.c", nil); err == nil || !strings.Contains(err.Error(), "not in k8s.io/kubernetes") {
		t.Errorf("%v", err)
	}
}

// TestMeter: what is written is counted, and never more than all.
func TestMeter(t *testing.T) {
	var seen []int64
	m := &meter{w: io.Discard, total: contentSize([]tree.Entry{tree.File("a", 0o600, tree.Bytes(make([]byte, 10)))}), report: func(done, total int64) { seen = append(seen, done, total) }}
	for range 3 {
		if _, err := m.Write(make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]int64{4, 10, 8, 10, 10, 10}, seen); d != "" {
		t.Error(d)
	}
}

// TestArchive: the container image of a node has the programs that other steps compiled.
func TestArchive(t *testing.T) {
	k := kit(t)
	var c Container
	c.Ref, c.Entrypoint = "proa.local/box:1", []string{"/sh"}
	c.Files = append(c.Files, struct {
		Path   string   `yaml:"path"`
		Go     string   `yaml:"go"`
		C      string   `yaml:"c"`
		CFlags []string `yaml:"cflags"`
		Links  []string `yaml:"links"`
	}{Path: "/sh"})
	s, err := k.Archive(c, "amd64", map[string]Install{"/sh": {Step: "go-sh", File: "sh"}})
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, map[string]string{"go-sh": testfiles.Write(t, map[string]string{"sh": "#!"})})
	if err := s.Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(read(t, j.Path("box.tar")))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if !slices.Contains(names, "oci-layout") && !slices.Contains(names, "manifest.json") {
		t.Errorf("no image: %q", names)
	}
	if err := s.Run(t.Context(), job(t, map[string]string{"go-sh": t.TempDir()})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	list, err := archives(job(t, map[string]string{"image-box": j.Out}), []string{"image-box"})
	if err != nil || len(list) != 1 || list[0].Path != "usr/share/proa/images/box.tar" {
		t.Errorf("in the root: %v, %v", list, err)
	}
}

// TestGRUBCore: the core image knows the boot partition, and boot.img, which starts it, lies beside it.
func TestGRUBCore(t *testing.T) {
	k := kit(t)
	s, err := k.GRUBCore(board(t, "pc"), "boot-loaders")
	if err != nil {
		t.Fatal(err)
	}
	loaders := t.TempDir()
	if err := os.MkdirAll(filepath.Join(loaders, filepath.Dir(grubDir)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(oracle.GRUB(t), filepath.Join(loaders, grubDir)); err != nil {
		t.Fatal(err)
	}
	j := job(t, map[string]string{"boot-loaders": loaders}, "grub-mkimage")
	if err := s.Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if len(read(t, j.Path("boot.img"))) != 512 || len(read(t, j.Path("core.img"))) < 10_000 {
		t.Error("no core image")
	}
}

// TestParts: each output is looked for in the step that was named, and a board without a loader looks nowhere.
func TestParts(t *testing.T) {
	k := kit(t)
	j := graph.NewJob("/out", map[string]string{"k": "/k", "i": "/i", "r": "/r", "l": "/l"})
	got := k.parts(j, Media{Kernel: "k", Initramfs: "i", Root: "r", Loaders: "l"}, []byte("c"))
	want := media.Parts{Kernel: "/k", Initramfs: "/i", Root: "/r", Loaders: "/l", Version: "v0", When: k.when(), Config: []byte("c")}
	got.Progress = nil
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestStatic: a program that would look for libraries is refused.
func TestStatic(t *testing.T) {
	if err := checkStatic("/bin/sh"); err == nil || !strings.Contains(err.Error(), "sh is dynamically linked") {
		t.Errorf("/bin/sh: %v", err)
	}
	header := append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00\x01\x00\x00\x00"), make([]byte, 28)...)
	header = append(header, 64, 0, 56, 0, 0, 0, 64, 0, 0, 0, 0, 0)
	dir := testfiles.Write(t, map[string]string{"static": string(header), "text": "#!"})
	if err := checkStatic(filepath.Join(dir, "static")); err != nil {
		t.Error(err)
	}
	if err := checkStatic(filepath.Join(dir, "text")); err == nil {
		t.Error("a script passes for a program")
	}
}

// TestModulesOfOurs: a board that needs one has it in the initramfs and in the root; the board's own lists stay as they are.
func TestModulesOfOurs(t *testing.T) {
	pi, pc := board(t, "rpi5"), board(t, "pc")
	if e := early(pi); !slices.Contains(e, "proa_tryboot") || len(e) != len(pi.Kernel.Early)+1 || slices.Contains(pi.Kernel.Early, "proa_tryboot") {
		t.Errorf("early %q", e)
	}
	if len(globs(pi)) != len(pi.Kernel.Modules)+1 || len(globs(pc)) != len(pc.Kernel.Modules) || len(early(pc)) != len(pc.Kernel.Early) {
		t.Error("globs")
	}
	dir := testfiles.Write(t, map[string]string{"a.ko": "", "b.txt": ""})
	if list, err := modulesOf(job(t, map[string]string{"m": dir}), []string{"m"}); err != nil || len(list) != 1 {
		t.Errorf("%q, %v", list, err)
	}
}

// TestGoEnvironment: what the user set for the go command cannot change bytes; where modules come from stays the user's.
func TestGoEnvironment(t *testing.T) {
	t.Setenv("GOFLAGS", "-race")
	t.Setenv("GOPROXY", "https://proxy.example.org")
	t.Setenv("CGO_ENABLED", "0")
	k := kit(t)
	env, err := k.GoEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	flags, err := k.goFlags()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CGO_ENABLED=1", "GOFLAGS=" + flags, "GOENV=off", "GOWORK=off"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	if tags := tagsOf(flags); !slices.Contains(tags, "netgo") || tagsOf("-trimpath") != nil {
		t.Errorf("tags %q", tags)
	}
	k.Repo = testfiles.Write(t, map[string]string{"build/go.env": "CGO_ENABLED=1\n"})
	if _, err := k.GoEnv(t.Context()); err == nil || !strings.Contains(err.Error(), "no GOFLAGS") {
		t.Errorf("%v", err)
	}
}
