package dtoverlay

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/dt"
)

// tree writes a small device tree.
func tree(t *testing.T, root *dt.Node) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := (&dt.FDT{Header: dt.Header{Magic: dt.Magic, Version: 17, LastCompVersion: 16}, RootNode: root}).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func node(name string, children []*dt.Node, properties ...string) *dt.Node {
	n := &dt.Node{Name: name, Children: children}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		n.Properties = append(n.Properties, dt.Property{Name: key, Value: append([]byte(value), 0)})
	}
	return n
}

func chip(pins ...string) []*dt.Node {
	return []*dt.Node{node("soc@1", []*dt.Node{node("pins@2", nil, pins...), node("uart@3", nil, "status=okay")}, "ranges=r")}
}

// TestOthersApplyIt: fdtoverlay (libfdt) applies our overlay to the base, and the result is the wanted tree.
func TestOthersApplyIt(t *testing.T) {
	root := os.Getenv("PROA_TOOLROOT")
	if root == "" {
		t.Skip("PROA_TOOLROOT is not set: run by `make unit`")
	}
	base := tree(t, node("", chip("compatible=c0", "reg=30"), "model=pi"))
	want := tree(t, node("", chip("compatible=d0", "reg=20", "names=SDA"), "model=pi", "step=d"))
	overlay, err := Between(base, want)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"base": base, "overlay": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	apply := exec.Command(filepath.Join(root, "usr/bin/fdtoverlay"), "-i", filepath.Join(dir, "base"), "-o", filepath.Join(dir, "got"), filepath.Join(dir, "overlay"))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "got"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2][]byte{{got, want}, {want, got}} {
		if _, err := Between(pair[0], pair[1]); !errors.Is(err, ErrSame) {
			t.Errorf("applied, it is not the wanted tree: %v", err)
		}
	}
}

func TestRefuses(t *testing.T) {
	base := tree(t, node("", chip("compatible=c0", "reg=30")))
	for want, to := range map[string]*dt.Node{
		"/soc@1/pins@2: an overlay cannot take reg away": node("", chip("compatible=c0")),
		"/: 1 nodes and 0":         node("", nil, "model=pi"),
		"/soc@1: only in one tree": node("", []*dt.Node{node("soc@2", nil, "ranges=r")}),
	} {
		if _, err := Between(base, tree(t, to)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Between(base, []byte("no tree")); err == nil {
		t.Error("garbage was taken for a tree")
	}
}
