package clusterask

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/supervise"
)

// asks records what an upgrader is told.
type asks []string

func (a *asks) Asked(r nodeupgrade.Request) { *a = append(*a, "asked "+r.ID) }
func (*asks) Text() string                  { return "an upgrade" }

// TestRequestIsPassedOnOnce: through restarts of the runtime too, which has not said anything yet when it starts.
func TestRequestIsPassedOnOnce(t *testing.T) {
	var got asks
	q := Requests{To: &got}
	for _, r := range []*nodeupgrade.Request{nil, {ID: "u.1"}, {ID: "u.1"}, {ID: "u.2"}, nil, {ID: "u.2"}, {}} {
		q.Heard(supervise.Facts{Upgrade: r})
	}
	if text := fmt.Sprint(got); text != "[asked u.1 asked u.2 asked ]" || q.Text() != "an upgrade" {
		t.Error(text)
	}
}

// TestRequestWaits: as long as nothing takes a request, the status says so and why, without the query of its source.
func TestRequestWaits(t *testing.T) {
	var q Requests
	for _, c := range []struct {
		r    nodeupgrade.Request
		want string
	}{
		{nodeupgrade.Request{}, ""},
		{nodeupgrade.Request{ID: "u.1", Version: "2", Source: "https://h/r?key=hunter2"}, "the cluster asks to upgrade to version 2 from https://h/r; it waits: upgrade.cluster"},
		{nodeupgrade.Request{}, ""},
	} {
		q.Heard(supervise.Facts{Upgrade: &c.r})
		if got := q.Text(); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q", c.r, got)
		}
	}
}
