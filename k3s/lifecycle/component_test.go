package lifecycle

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOf: a role has its rows in the table's order, and a machine with both roles has all.
func TestOf(t *testing.T) {
	table := []Component{
		{Name: "certificates", Roles: Server | Agent}, {Name: "apiserver", Roles: Server}, {Name: "kubelet", Roles: Agent},
	}
	for role, want := range map[Role][]string{
		Server:         {"certificates", "apiserver"},
		Agent:          {"certificates", "kubelet"},
		Server | Agent: {"certificates", "apiserver", "kubelet"},
	} {
		var got []string
		for _, c := range Of(role, table) {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("role %d: %s", role, diff)
		}
	}
	if len(table) != 3 || table[2].Name != "kubelet" {
		t.Errorf("the table was changed: %v", table)
	}
}

// TestAgentWaitsForNoServer: a component waits for those of its After that the machine has, and for no others.
func TestAgentWaitsForNoServer(t *testing.T) {
	j := &journal{}
	server, node, kubelet := j.steady("apiserver"), j.steady("containerd"), j.steady("kubelet", "apiserver", "containerd")
	server.Roles, node.Roles, kubelet.Roles = Server, Agent, Agent
	runAndStop(t, j, "run kubelet", Of(Agent, []Component{server, node, kubelet})...)
	if j.has("run apiserver") || !j.has("containerd: ready") {
		t.Errorf("%q", j.lines)
	}
}

// TestRestart: a restart is reported as such and returned, and is no failure.
func TestRestart(t *testing.T) {
	j := &journal{}
	err := Run(t.Context(), j, []Component{j.fake("good"), {Name: "clock", Run: func(context.Context) error { return Restart{"set back"} }}})
	if restart := (Restart{}); !errors.As(err, &restart) || restart.Why != "set back" || !j.has("restarting: set back") {
		t.Errorf("%v, %q", err, j.lines)
	}
	if j.has("failed: clock: restart: set back") {
		t.Errorf("reported as a failure: %q", j.lines)
	}
}
