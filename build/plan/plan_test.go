package plan

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotsig"
)

// kit returns a kit with our own sources and lock and a fixed release.
func kit(t *testing.T) *recipe.Kit {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := pin.Load(filepath.Join(repo, "build/pin/debian.lock"))
	if err != nil {
		t.Fatal(err)
	}
	return &recipe.Kit{Repo: repo, Host: "amd64", Lock: lock, Compression: recipe.DefaultCompression,
		Release: releasefile.Release{Version: "v0", Commit: "c0", Kubernetes: "v1.37.2"}}
}

func each(t *testing.T, test func(t *testing.T, b boards.Board, k images.Kind)) {
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		for _, k := range images.Kinds() {
			for _, has := range b.Images {
				if has == k.Name {
					t.Run(b.Name+"-"+k.Name, func(t *testing.T) { test(t, b, k) })
				}
			}
		}
	}
}

// TestGolden has every board's plan as a golden file: steps, order and dependencies.
func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, b boards.Board, k images.Kind) {
		p, err := New(kit(t), b, k)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, a := range p.Graph.Actions {
			fmt.Fprintf(&got, "%s: %s\n", a.Name, strings.Join(names(a.Deps), " "))
		}
		golden.Check(t, b.Name+"-"+k.Name, got.String())
	})
}

// changed returns the steps whose keys differ after change.
func changed(t *testing.T, b boards.Board, k images.Kind, change func(k *recipe.Kit, b *boards.Board)) []string {
	t.Helper()
	before, err := New(kit(t), b, k)
	if err != nil {
		t.Fatal(err)
	}
	other := kit(t)
	change(other, &b)
	after, err := New(other, b, k)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range after.Graph.Actions {
		if was := before.Graph.Find(a.Name); was == nil || was.Key() != a.Key() {
			out = append(out, a.Name)
		}
	}
	return out
}

func pcDisk(t *testing.T) (boards.Board, images.Kind) {
	t.Helper()
	b, err := boards.Get("pc")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range images.Kinds() {
		if k.Name == "disk" {
			return b, k
		}
	}
	t.Fatal("no kind disk")
	return b, images.Kind{}
}

// TestBoardChangeTouchesOnlyImages: a change of a board must build in less than 30 seconds.
func TestBoardChangeTouchesOnlyImages(t *testing.T) {
	b, k := pcDisk(t)
	got := changed(t, b, k, func(_ *recipe.Kit, b *boards.Board) { b.Title = "another" })
	if d := cmp.Diff([]string{"root", "disk", "sbom-disk"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestCommitLinksNothingAgain: programs read the version at run time, so a commit does not link them again.
func TestCommitLinksNothingAgain(t *testing.T) {
	b, k := pcDisk(t)
	got := changed(t, b, k, func(k *recipe.Kit, _ *boards.Board) { k.Release.Version, k.Release.Commit = "v1", "c1" })
	if d := cmp.Diff([]string{"root", "disk", "sbom-disk"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestKeysTouchOnlyWhatHoldsThem: other keys of slots compile nothing again.
func TestKeysTouchOnlyWhatHoldsThem(t *testing.T) {
	b, k := pcDisk(t)
	got := changed(t, b, k, func(k *recipe.Kit, _ *boards.Board) {
		k.Trust = recipe.Trust{Name: "1 of 2", Sign: func([]byte) ([]byte, error) { return slotsig.Unsigned(), nil }}
	})
	if d := cmp.Diff([]string{"root", "initramfs", "disk", "sbom-disk"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPackageChangeTouchesItsStep(t *testing.T) {
	b, k := pcDisk(t)
	got := changed(t, b, k, func(k *recipe.Kit, _ *boards.Board) { k.Lock.Sets["boot/amd64"][0].SHA256 = "other" })
	if d := cmp.Diff([]string{"boot-loaders", "grub", "disk", "sbom-disk"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLockDateTouchesWhatHoldsTimes(t *testing.T) {
	b, k := pcDisk(t)
	got := changed(t, b, k, func(k *recipe.Kit, _ *boards.Board) { k.Lock.Date = k.Lock.Date.Add(24 * time.Hour) })
	for _, name := range got {
		if strings.HasPrefix(name, "go-") || name == "tools" || name == "kernel" {
			t.Errorf("%s depends on the date of the lock", name)
		}
	}
}

func TestSummary(t *testing.T) {
	g := &graph.Graph{}
	a := g.Add("a", graph.Step{})
	b := g.Add("b", graph.Step{Inputs: []graph.Input{{Name: "package crun"}, {Name: "go.sum"}, {Name: "init/main.go"}, {Name: "code overlay"}, {Name: "flags"}}}, a)
	if got, want := Summary(b), "needs a; 1 package; 2 files"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
