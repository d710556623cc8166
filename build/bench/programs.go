package bench

import (
	"context"
	"fmt"
	"os"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/tree"
)

// program is one of the baseline's programs.
type program struct {
	name      string
	goPackage string
	c         bool // uses cgo
	helper    bool // ours: not part of the measurement
}

// programs are built from the same modules as k3s, with the same flags, and stripped. The upstream ones are unchanged;
// flannel's own main does not build from its module.
func programs() []program {
	return []program{
		{name: "etcd", goPackage: "go.etcd.io/etcd/server/v3"},
		{name: "kube-apiserver", goPackage: "k8s.io/kubernetes/cmd/kube-apiserver"},
		{name: "kube-controller-manager", goPackage: "k8s.io/kubernetes/cmd/kube-controller-manager"},
		{name: "kube-scheduler", goPackage: "k8s.io/kubernetes/cmd/kube-scheduler"},
		{name: "kubelet", goPackage: "k8s.io/kubernetes/cmd/kubelet"},
		{name: "kube-proxy", goPackage: "k8s.io/kubernetes/cmd/kube-proxy"},
		{name: "containerd", goPackage: "github.com/containerd/containerd/v2/cmd/containerd", c: true},
		{name: "flanneld", goPackage: "./k3s/bench/flanneld"},
		{name: "separate", goPackage: "./k3s/bench/separate", c: true, helper: true},
		{name: "launch", goPackage: "./k3s/bench/launch", helper: true},
	}
}

// buildBaseline makes the disk with the separate programs, with the same cache as the images.
func (b *bench) buildBaseline(ctx context.Context) error {
	g := &graph.Graph{}
	tools := g.Add("tools", b.ToolRoot)
	var needs []*graph.Action
	files := map[string]string{} // program name to step
	for _, p := range programs() {
		r := recipe.Go{Package: p.goPackage, Arch: b.Board.Arch}
		if p.c {
			r.C = tools.Name
		}
		step, err := b.Kit.GoBinary(r)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		var deps []*graph.Action
		if p.c {
			deps = []*graph.Action{tools}
		}
		needs = append(needs, g.Add("go-"+p.name, step, deps...))
		files[p.name] = r.Name()
	}
	disk := g.Add("baseline-disk", graph.Step{Run: func(_ context.Context, j *graph.Job) error {
		return writeBaseline(j, files)
	}}, needs...)
	if err := b.Make(ctx, b.Board.Name+"-bench", g, disk); err != nil {
		return err
	}
	b.baseline = b.Out(disk) + "/baseline.img"
	return nil
}

func writeBaseline(j *graph.Job, files map[string]string) error {
	var entries []tree.Entry
	for name, file := range files {
		content, err := tree.HostFile(j.In("go-"+name) + "/" + file)
		if err != nil {
			return err
		}
		entries = append(entries, tree.Entry{Path: name, Mode: 0o755, Content: content})
	}
	img, err := os.Create(j.Path("baseline.img"))
	if err != nil {
		return err
	}
	defer img.Close() // a second close is harmless; the error of the first is returned below
	if _, err := erofs.Write(img, entries, erofs.Options{Codec: erofs.None, When: baselineTime}); err != nil {
		return err
	}
	return img.Close()
}
