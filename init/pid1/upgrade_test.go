package pid1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/supervise"
)

// asks records what an upgrader is told.
type asks []string

func (a *asks) Asked(r nodeupgrade.Request) { *a = append(*a, "asked "+r.ID) }
func (*asks) Text() string                  { return "an upgrade" }

// TestRequestIsPassedOnOnce: through restarts of the runtime too, which has not said anything yet when it starts.
func TestRequestIsPassedOnOnce(t *testing.T) {
	said := func(r *nodeupgrade.Request) supervise.State {
		return supervise.State{Name: "k3s", Facts: supervise.Facts{Upgrade: r}}
	}
	var got asks
	k := &keeper{m: &boot.Machine{Config: config.Default()}, con: &console.Console{}, poke: make(chan struct{}, 1), upgrade: requests{to: &got}}
	states := []supervise.State{said(nil), said(&nodeupgrade.Request{ID: "u.1"}), said(&nodeupgrade.Request{ID: "u.1"}), said(&nodeupgrade.Request{ID: "u.2"}),
		said(nil), said(&nodeupgrade.Request{ID: "u.2"}), said(&nodeupgrade.Request{})}
	for i := range states[1:] {
		k.changed(states[i], states[i+1])
	}
	if text := fmt.Sprint(got); text != "[asked u.1 asked u.2 asked ]" {
		t.Error(text)
	}
}

// TestRequestWaits: as long as nothing takes a request, the status says so and why, without the query of its source.
func TestRequestWaits(t *testing.T) {
	var u noUpgrader
	if u.Text() != "" {
		t.Error(u.Text())
	}
	u.Asked(nodeupgrade.Request{ID: "u.1", Version: "2", Source: "https://h/r?key=hunter2"})
	if got := u.Text(); !strings.HasPrefix(got, "the cluster asks to upgrade to version 2 from https://h/r; it waits: upgrade.cluster") {
		t.Error(got)
	}
	u.Asked(nodeupgrade.Request{})
	if u.Text() != "" {
		t.Error(u.Text())
	}
}
