package recipe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/testfiles"
	"github.com/proa-os/proa/images/verity"
)

func TestGoArgs(t *testing.T) {
	g := Go{Package: "./k3s", C: "tools", Tags: []string{"cni"}, Defines: map[string]string{"main.b": "2", "main.a": "1"}}
	want := []string{"build", "-o", "out", "-ldflags", "-s -w -buildid= -X main.a=1 -X main.b=2 -linkmode external -extldflags -static", "-tags", "netgo,osusergo,cni"}
	if d := cmp.Diff(want, g.args("out", "-trimpath -tags=netgo,osusergo")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestVerityStandsBehindPaddedData(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "root.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("data"); err != nil {
		t.Fatal(err)
	}
	info, err := addVerity(f)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != verity.BlockSize || len(info.Hash) != 64 {
		t.Errorf("%+v", info)
	}
	p, err := verity.ReadParams(f, info.Size)
	if err != nil || p.DataBlocks != 1 {
		t.Errorf("superblock %+v, %v", p, err)
	}
}

func TestContainersAreOursAndComplete(t *testing.T) {
	list, err := (&Kit{Repo: "../.."}).Containers()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Error("no containers")
	}
	for _, c := range list {
		if !strings.HasPrefix(c.Ref, "proa.local/") || len(c.Files) == 0 || len(c.Entrypoint) == 0 {
			t.Errorf("%+v: not an image of ours that does something", c)
		}
	}
	bad := testfiles.Write(t, map[string]string{"k3s/images.yaml": "images:\n  - ref: a\n    entrypiont: [x]\n"})
	if _, err := (&Kit{Repo: bad}).Containers(); err == nil || !strings.Contains(err.Error(), "entrypiont") {
		t.Errorf("a misspelt key: %v", err)
	}
}

func TestContainerEntries(t *testing.T) {
	out := testfiles.Write(t, map[string]string{"sh": "#!"})
	c := Container{Ref: "proa.local/box:1"}
	c.Files = append(c.Files, struct {
		Path   string   `yaml:"path"`
		Go     string   `yaml:"go"`
		C      string   `yaml:"c"`
		CFlags []string `yaml:"cflags"`
		Links  []string `yaml:"links"`
	}{Path: "/bin/sh", Links: []string{"/bin/ls"}})
	c.Dirs = append(c.Dirs, struct {
		Path string `yaml:"path"`
		Mode string `yaml:"mode"`
	}{"/tmp", "1777"})
	got, err := containerEntries(graph.NewJob(t.TempDir(), map[string]string{"go-sh": out}), c, map[string]Install{"/bin/sh": {Step: "go-sh", File: "sh"}})
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	if got[1].Target != "/bin/sh" || got[1].Path != "bin/ls" || got[2].Mode != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("%+v", got)
	}
}

// Where a program goes and how it is called is part of the image: a plan with another link makes another root.
func TestArgumentsAreInputs(t *testing.T) {
	k := &Kit{Repo: "../.."}
	of := func(links ...string) string {
		program := Install{Step: "go-init", File: "init", Path: "usr/bin/proa", Links: links}
		root, err := k.RootImage(Root{Programs: []Install{program}})
		initrd, err2 := k.Initramfs(boards.Board{}, program, "kernel")
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		g := graph.Graph{}
		return g.Add("root", root).Key() + " " + g.Add("initramfs", initrd).Key()
	}
	if of("usr/sbin/init") == of("usr/sbin/init", "usr/sbin/modprobe") {
		t.Error("another link changes no key")
	}
}
