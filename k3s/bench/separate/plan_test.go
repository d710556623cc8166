package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/bench/plan"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/node"
)

func example() setup {
	c, _, err := flags.Parse([]string{"--config=/nonexistent"})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	id := address.Identity{Name: "bench", IP: "10.0.2.15", Iface: "eth0"}
	o := options{Config: c, BinDir: "/mnt", LogDir: "/var/log/proa/separate"}
	return o.setup(controlplane.Plane{Config: c, NodeIP: id.IP}, node.Node{Config: c, Identity: id})
}

func TestPlan(t *testing.T) { golden.Check(t, "plan", example().plan().String()) }

// TestUserArguments: an argument of the user replaces ours on both sides, and whoever writes it with dashes means the same.
func TestUserArguments(t *testing.T) {
	s := example()
	s.APIServerArgs, s.KubeletArgs = []string{"--profiling=true"}, []string{"--v=2"}
	want := map[string]string{"kube-apiserver": "--profiling=true", "kubelet": "--v=2"}
	for _, step := range s.plan().Steps {
		text, wanted := want[step.Name]
		if wanted && !slices.Contains(step.Argv, text) || slices.Contains(step.Argv, "--profiling=false") && step.Name == "kube-apiserver" {
			t.Errorf("%s is started with %q", step.Name, step.Argv)
		}
	}
}

// TestWrite: the files that launch and the kubelet get are those that the plan names.
func TestWrite(t *testing.T) {
	s := example()
	s.DataDir = t.TempDir()
	file := s.Path("separate", "plan.json")
	if err := s.write(file); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	config := "--config=" + s.kubeletConfigFile()
	if !slices.ContainsFunc(p.Steps, func(step plan.Step) bool { return slices.Contains(step.Argv, config) }) {
		t.Errorf("no step has %s", config)
	}
	if info, err := os.Stat(s.kubeletConfigFile()); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestPlanSurvivesItsFile(t *testing.T) {
	want, file := example().plan(), filepath.Join(t.TempDir(), "plan.json")
	if err := want.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := plan.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestControlPlaneOnly(t *testing.T) {
	s := example()
	s.DisableAgent = true
	for _, step := range s.plan().Steps {
		if step.Name == "kubelet" || step.Name == "containerd" {
			t.Errorf("%s is part of the control plane", step.Name)
		}
	}
}

func TestWithout(t *testing.T) {
	got := without([]string{"--bin-dir=/x", "--node-ip=1.2.3.4", "--log-dir=/y"}, "--bin-dir", "--log-dir")
	if diff := cmp.Diff([]string{"--node-ip=1.2.3.4"}, got); diff != "" {
		t.Error(diff)
	}
}
