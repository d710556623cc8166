package runtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/lifecycle"
)

// TestTableIsInOrder: every name in After is earlier in the table, which is the start order, and each row has a role.
func TestTableIsInOrder(t *testing.T) {
	var seen []string
	table := (&Server{config: &flags.Config{}}).components()
	for _, c := range table {
		for _, name := range c.After {
			if !slices.Contains(seen, name) {
				t.Errorf("%s waits for %s, which is not above it", c.Name, name)
			}
		}
		if slices.Contains(seen, c.Name) || !both.Is(c.Roles) {
			t.Errorf("%s is there twice, or has no role: %d", c.Name, c.Roles)
		}
		seen = append(seen, c.Name)
	}
	golden.Check(t, "components", listing("server and agent", both, table)+listing("server", server, table)+listing("agent", agent, table))
}

func listing(name string, role lifecycle.Role, table []lifecycle.Component) string {
	out := name + ":\n"
	for _, c := range lifecycle.Of(role, table) {
		out += strings.TrimSpace(fmt.Sprintf("%s after %s", c.Name, strings.Join(c.After, " "))) + "\n"
	}
	return out + "\n"
}

// TestRole: the server is a node too, unless the configuration says otherwise.
func TestRole(t *testing.T) {
	for disabled, want := range map[bool]lifecycle.Role{false: both, true: server} {
		if got := (&Server{config: &flags.Config{DisableAgent: disabled}}).role(); got != want {
			t.Errorf("disable-agent %v: role %d, want %d", disabled, got, want)
		}
	}
}
