package inspect

import (
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestShowFiles: the later file counts, the place of each value is behind it, and no secret is shown.
func TestShowFiles(t *testing.T) {
	p := files(t, "hostname: a\nk3s: {token: hunter2, role: agent}\n", "#cloud-config\nhostname: b\nbogus_key: 1\n")
	var out strings.Builder
	if err := (Show{Origin: true}).Run(Streams{Out: &out}, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hostname: b # " + p[1] + ":2:11\n", "role: agent # " + p[0] + ":2:29\n", "token: (secret) # ", "# " + p[1] + ":3:1: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Error("a secret was shown")
	}
	if err := (Show{}).Run(Streams{Out: &out}, nil); !errors.Is(err, ErrUsage) {
		t.Errorf("no file: %v", err)
	}
}

// TestDiff: only what differs, without secrets.
func TestDiff(t *testing.T) {
	parse := func(text string) *config.Config { c, _ := config.Parse("x", []byte(text)); return c }
	old, now := parse("hostname: a\nntp: {servers: [10.0.0.1]}\nk3s: {token: hunter2}\n"), parse("k3s: {token: hunter3}\nntp: {servers: [10.0.0.2]}\n")
	var out strings.Builder
	err := Diff(&out, old, now, []Change{{"hostname", "proa reboot"}, {"ntp", "at once"}, {"k3s.token", "proa restart k3s"}})
	want := "hostname: proa reboot\n  - a\nntp: at once\n  - servers:\n  -     - 10.0.0.1\n  + servers:\n  +     - 10.0.0.2\nk3s.token: proa restart k3s\n  - (secret)\n  + (secret)\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}
