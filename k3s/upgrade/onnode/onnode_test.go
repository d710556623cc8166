package onnode

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// TestTell: PID 1 is told each request once, and none that has a result already, wherever that is found.
func TestTell(t *testing.T) {
	const one, two = `{"id":"u.1"}`, `{"id":"u.2","version":"2"}`
	for name, c := range map[string]struct {
		requests []string // the annotation, at one look after another
		state    string   // annotation
		file     nodeupgrade.State
		want     []string
		problem  string
	}{
		"none":            {requests: []string{"", ""}, want: []string{""}},
		"new":             {requests: []string{"", one, one}, want: []string{"", one}},
		"another":         {requests: []string{one, two, ""}, want: []string{one, two, ""}},
		"running":         {requests: []string{one}, file: nodeupgrade.State{ID: "u.1", Phase: "writing"}, want: []string{one}},
		"ended":           {requests: []string{one}, file: nodeupgrade.State{ID: "u.1", Result: nodeupgrade.Failed}, want: []string{""}},
		"ended long ago":  {requests: []string{one}, state: `{"id":"u.1","result":"succeeded"}`, want: []string{""}},
		"another's end":   {requests: []string{two}, state: `{"id":"u.1","result":"succeeded"}`, want: []string{two}},
		"not understood":  {requests: []string{`{"id":"u.1","source":"ftp://h/hunter2"}`}, want: []string{""}, problem: "not a URL with http"},
		"not one request": {requests: []string{"reboot"}, want: []string{""}, problem: "not a JSON object"},
	} {
		var got []string
		problem := ""
		a := &Agent{Tell: func(text string) { got = append(got, text) }, Problem: func(line string) { problem += line }}
		for _, r := range c.requests {
			a.seen = keep(map[string]string{api.RequestKey: r, api.StateKey: c.state, "other": "x"})
			a.tell(c.file)
		}
		if !slices.Equal(got, c.want) || !strings.Contains(problem, c.problem) || c.problem == "" && problem != "" || strings.Contains(problem, "hunter2") {
			t.Errorf("%s: told %q, problem %q", name, got, problem)
		}
	}
}

// TestRead: the file may be missing, and is never read further than it may be long.
func TestRead(t *testing.T) {
	a := &Agent{File: filepath.Join(t.TempDir(), "upgrade.json")}
	if s, text, err := a.read(); err != nil || text != "" || s != (nodeupgrade.State{}) {
		t.Errorf("%+v, %q, %v", s, text, err)
	}
	for content, ok := range map[string]bool{`{"id":"u.1","phase":"trial"}`: true, "{": false, strings.Repeat(" ", 1<<20): false} {
		if err := os.WriteFile(a.File, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, _, err := a.read(); (err == nil) != ok || ok && s.Phase != "trial" {
			t.Errorf("%.20s: %+v, %v", content, s, err)
		}
	}
}
