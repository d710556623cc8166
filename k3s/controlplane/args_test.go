package controlplane

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/k3s/flags"
)

// The arguments determine the security of the control plane: a change must show in a review.
func TestArguments(t *testing.T) {
	c, _, err := flags.Parse([]string{"--config=/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	p := Plane{Config: c, NodeIP: "10.0.2.15", Datastore: "unix:///run/datastore.sock"}
	var b strings.Builder
	for _, part := range []struct {
		name string
		args []arg
	}{{"apiserver", p.apiServerArgs()}, {"controller-manager", p.controllerManagerArgs()}, {"scheduler", p.schedulerArgs()}} {
		for _, a := range part.args {
			fmt.Fprintf(&b, "%s --%s=%s\n", part.name, a.name, a.value)
		}
	}
	golden.Check(t, "args", b.String())
}

func TestOverride(t *testing.T) {
	ours := []arg{{"profiling", "false"}, {"controllers", "*"}, {"bind-address", "0.0.0.0"}}
	got := override(ours, []string{"controllers=*", "--controllers=-ttl", "profiling"})
	want := []arg{{"bind-address", "0.0.0.0"}, {"controllers", "*"}, {"controllers", "-ttl"}, {"profiling", "true"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(arg{})); diff != "" {
		t.Error(diff)
	}
	if len(ours) != 3 || ours[0].name != "profiling" {
		t.Errorf("ours was changed: %v", ours)
	}
}
