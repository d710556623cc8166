package clusterask

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/supervise"
)

// TestRequestIsPassedOn: each request replaces the one before, a withdrawal removes it, and a runtime that starts, which
// has not said anything yet, changes nothing.
func TestRequestIsPassedOn(t *testing.T) {
	q := Requests{File: filepath.Join(t.TempDir(), "request")}
	for i, c := range []struct {
		heard *nodeupgrade.Request
		want  string
	}{
		{nil, ""}, {&nodeupgrade.Request{ID: "u.1"}, "u.1"}, {nil, "u.1"}, {&nodeupgrade.Request{ID: "u.2", Version: "v2"}, "u.2"},
		{&nodeupgrade.Request{}, ""}, {&nodeupgrade.Request{}, ""},
	} {
		q.Heard(supervise.Facts{Upgrade: c.heard})
		text, err := os.ReadFile(q.File)
		if c.want == "" {
			if !os.IsNotExist(err) {
				t.Errorf("%d: %q, %v", i, text, err)
			}
			continue
		}
		if r, err := nodeupgrade.ParseRequest(string(text)); err != nil || r.ID != c.want {
			t.Errorf("%d: %q, %v", i, text, err)
		}
		if info, err := os.Stat(q.File); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%d: %v, %v", i, info, err)
		}
	}
}

// TestText: the status says what is asked and what it waits for, without the query of its source.
func TestText(t *testing.T) {
	permitted := false
	q := Requests{Permitted: func() bool { return permitted }}
	for _, c := range []struct {
		r         nodeupgrade.Request
		permitted bool
		want      string
	}{
		{nodeupgrade.Request{}, true, ""},
		{nodeupgrade.Request{ID: "u.1", Version: "2", Source: "https://h/r?key=hunter2"}, false, "the cluster asks to upgrade to version 2 from https://h/r; it waits: upgrade.cluster"},
		{nodeupgrade.Request{ID: "u.1", Version: "2"}, true, "the cluster asks to upgrade to version 2; see proa upgrade status"},
		{nodeupgrade.Request{}, false, ""},
	} {
		permitted = c.permitted
		q.Heard(supervise.Facts{Upgrade: &c.r})
		if got := q.Text(); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q", c.r, got)
		}
	}
	q.File = filepath.Join(t.TempDir(), "no/such/folder")
	q.Heard(supervise.Facts{Upgrade: &nodeupgrade.Request{ID: "u.9"}})
	if got := q.Text(); !strings.Contains(got, "cannot be passed on") {
		t.Errorf("%q", got)
	}
}
