package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/separate/plan"
)

func example() setup {
	c, _, err := flags.Parse([]string{"--config=/nonexistent"})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return setup{Config: c, Node: address.Identity{Name: "bench", IP: "10.0.2.15", Iface: "eth0"}, BinDir: "/mnt", LogDir: "/var/log/proa/separate"}
}

func TestPlan(t *testing.T) { golden.Check(t, "plan", example().plan().String()) }

func TestKubeletConfig(t *testing.T) {
	data, err := yaml.Marshal(example().kubeletConfig())
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "kubelet", string(data))
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
