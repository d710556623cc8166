package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/timeline"
)

// device returns a root directory like that of a machine.
func device(t *testing.T) Env {
	t.Helper()
	root := t.TempDir()
	s := status.Status{Version: "v1", Hostname: "edge-7", Mode: "disk", Slot: "a", Trial: true, Tries: 2,
		Addresses:      []netup.Address{{Interface: "eth0", Address: "10.0.2.15/24"}},
		ConfigProblems: []config.Problem{{File: "/boot/config.yaml", Line: 2, Column: 3, Message: "unknown key \"rol\""}},
		FailedSteps:    []string{"network: no interface eth7"},
		Services:       []supervise.State{{Name: "ssh", State: "ready"}, {Name: "k3s", State: "restarting", Restarts: 2, LastExit: "exit code 1: agent: no route to host"}},
		K3s:            "restarting (last run: exit code 1: agent: no route to host)"}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		status.File:                      string(text),
		"/proc/cmdline":                  "quiet hostname=edge-7",
		"/boot/config.yaml":              "k3s:\n  rol: x\n  token: hunter2\n",
		"/var/log/proa/k3s.log":          "line one\nline two\n",
		"/run/proa/timeline/stage2.json": `[{"list":"stage2","name":"mounts","start_ms":1900,"took_ms":3}]`,
		"/run/proa/timeline/stage1.json": `[{"list":"stage1","name":"find-slot","start_ms":812,"took_ms":41.5}]`,
	} {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := Env{Root: root, Version: "v1", Kubernetes: "v1.37.2"}
	e.Slot = flashed(t, root)
	return e
}

func run(e Env, args ...string) (code int, out, errs string) {
	var o, r bytes.Buffer
	e.Out, e.Err = &o, &r
	code = Main(e, args)
	return code, o.String(), r.String()
}

func TestVerbs(t *testing.T) {
	e := device(t)
	for _, c := range []struct{ args, want string }{
		{"status", "version    v1\nhost       edge-7\nsystem     slot a, mode disk, on trial, 2 tries left\naddresses  eth0=10.0.2.15/24\n" +
			"k3s        restarting (last run: exit code 1: agent: no route to host)\nservice    ssh ready\n" +
			"service    k3s restarting (restarts 2, last: exit code 1: agent: no route to\n           host)\nFAILED     network: no interface eth7\n" +
			"CONFIG     /boot/config.yaml:2:3: unknown key \"rol\"\n"},
		{"version", "proa v1\nkubernetes v1.37.2\n"},
		{"slot", "slot a\ntrial true\ntries-left 2\nother b empty\n"},
		{"logs k3s", "line one\nline two\n"},
		{"timeline", "    812 ms  stage1     find-slot              41.5 ms  \n   1900 ms  stage2     mounts                  3.0 ms  \n"},
		{"config show", "# PID 1 has written no configuration to /run/proa/config.yaml; this is the one in /boot/config.yaml\n# /boot/config.yaml:2:3: unknown key \"rol\"; did you mean \"role\"?\nversion: 1\nhostname: edge-7\nk3s:\n    enabled: true\n    token: (secret)\nhealth:\n    deadline: 15m\nupgrade:\n    automatic: \"off\"\n    interval: 6h\n    jitter: 30m\n    cluster: false\n    peers: false\n    window:\n        length: 4h\n    rehearsal: require\n    datastore: keep\n    reboot: window\n    swap: never\n"},
	} {
		code, out, errs := run(e, strings.Fields(c.args)...)
		if d := cmp.Diff(c.want, out); code != 0 || d != "" {
			t.Errorf("%s: exit %d %s\n%s", c.args, code, errs, d)
		}
	}
}

// TestTimelineOfTheLastShutdown: it lies on the disk, and is printed before the lists of this boot. A timeline that is
// missing or damaged is an error that names the file.
func TestTimelineOfTheLastShutdown(t *testing.T) {
	e := device(t)
	path := put(t, e, timeline.LastShutdown, `[{"list":"shutdown","name":"stop-services","start_ms":90000,"took_ms":4200,"error":"not done after 1m0s"}]`)
	if err := os.Chtimes(path, time.Time{}, time.Unix(1764271800, 0)); err != nil {
		t.Fatal(err)
	}
	want := "last orderly shutdown: 2025-11-27T19:30:00Z\n  90000 ms  shutdown   stop-services        4200.0 ms  not done after 1m0s\nsince the boot:\n    812 ms  stage1 "
	if code, out, _ := run(e, "timeline"); code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("exit %d, %s", code, cmp.Diff(want, out))
	}
	put(t, e, k3sflags.TimelineFile, `[{"list":"k3s","name":"identity","start_ms":1000,"took_ms":700}]`)
	if _, out, _ := run(e, "timeline"); !strings.Contains(out, "   1000 ms  k3s        identity              700.0 ms  \n   1900 ms  stage2 ") {
		t.Errorf("with the runtime:\n%s", out)
	}
	put(t, e, timeline.LastShutdown, "[{")
	if code, _, errs := run(e, "timeline"); code != 1 || !strings.Contains(errs, timeline.LastShutdown+": unexpected end of JSON input") {
		t.Errorf("exit %d, %q", code, errs)
	}
	if err := os.RemoveAll(e.Root + timeline.Dir); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(e, "timeline"); code != 1 || !strings.Contains(errs, timeline.Dir+": no such file or directory") {
		t.Errorf("exit %d, %q", code, errs)
	}
}

func TestMistakes(t *testing.T) {
	e := device(t)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"stauts", 2, "did you mean \"status\"?"},
		{"status now", 1, "unexpected argument \"now\""},
		{"config", 2, "config needs a subcommand: proa config show, proa config diff, proa config validate, "},
		{"confg check", 2, "did you mean \"config check\"?"},
		{"data", 2, "data needs a subcommand: proa data erase"},
		{"frobnicate", 2, "unknown verb \"frobnicate\"\n"},
		{"logs nope", 1, "no log of a service \"nope\"; there are logs of: k3s"},
		{"logs", 1, "no service named; usage: proa logs NAME [-f]; there are logs of: k3s"},
		{"logs ../../proc/cmdline", 1, "unexpected argument"},
		{"config check", 1, "1 problem"},
		{"version now", 1, "unexpected argument \"now\""},
		{"restart", 1, "usage: proa restart NAME; proa status lists"},
		{"restart k3s now", 1, "usage: proa restart NAME"},
		{"restart k3s", 1, "PID 1 does not answer"},
		{"reboot now", 1, "unexpected argument \"now\""},
	} {
		code, _, errs := run(e, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %q", c.args, code, errs)
		}
	}
}

// TestCheckOfStandardInput: as config apply does.
func TestCheckOfStandardInput(t *testing.T) {
	e := device(t)
	e.In = strings.NewReader("hostnaem: a\n")
	if code, out, _ := run(e, "config", "check", "-"); code != 1 || !strings.Contains(out, "did you mean \"hostname\"?") {
		t.Errorf("exit %d, %q", code, out)
	}
}

func TestHelp(t *testing.T) {
	if !strings.Contains(usage(true), "  install [FLAGS]") || strings.Contains(usage(false), "  install [FLAGS]") {
		t.Error("the installer is listed where there is none, or not where there is one")
	}
	for _, args := range []string{"", "--help", "help"} {
		code, out, _ := run(Env{}, strings.Fields(args)...)
		if code != 0 || out != Usage() || !strings.Contains(out, "proa logs k3s -f") {
			t.Errorf("%q: exit %d\n%s", args, code, out)
		}
	}
	for _, v := range verbs() {
		code, out, _ := run(Env{}, append(strings.Fields(v.name), "--help")...)
		if code != 0 || !strings.Contains(out, v.help) {
			t.Errorf("%s --help: exit %d\n%s", v.name, code, out)
		}
	}
}

func TestJSON(t *testing.T) {
	_, out, _ := run(device(t), "status", "--json")
	var s status.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.Hostname != "edge-7" {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRestart: the verb passes the name, prints PID 1's answer and returns its error.
func TestRestart(t *testing.T) {
	e := device(t)
	e.Ask = func(r control.Request, say func(string)) error {
		say("restarting " + r.Name)
		if r.Verb != "restart" || r.Name != "k3s" {
			return errors.New("no service")
		}
		return nil
	}
	if code, out, errs := run(e, "restart", "k3s"); code != 0 || out != "restarting k3s\n" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if code, _, errs := run(e, "restart", "k4s"); code != 1 || !strings.Contains(errs, "proa: restart: no service") {
		t.Errorf("exit %d, %q", code, errs)
	}
}
