package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/golden"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func reading(t *testing.T, name string) Memory {
	t.Helper()
	m, err := parseMemory(testdata(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseMemory(t *testing.T) {
	m := reading(t, "one.txt")
	if got, want := m.Used(), int64(640000); got != want {
		t.Errorf("used %d KiB, want %d", got, want)
	}
	want := Process{PID: 300, Name: "k3s", RSS: 400000, PSS: 390000, Anon: 260000, Args: "/usr/bin/k3s server"}
	if diff := cmp.Diff(want, m.Processes[1]); diff != "" {
		t.Error(diff)
	}
	for _, p := range m.Processes {
		if p.PID == 700 {
			t.Error("a process that had ended was counted")
		}
	}
	if got := m.group("", named("k3s")); got.Count != 1 || got.RSS != 400000 {
		t.Errorf("k3s is %+v: a program in a pod with its name does not belong", got)
	}
	if got := m.group("", isShim); got.Count != 2 || got.PSS != 12000 {
		t.Errorf("shims are %+v", got)
	}
	if got := m.group("", inPods); got.Count != 2 || got.PSS != 39000 {
		t.Errorf("programs in pods are %+v", got)
	}
}

func TestParseMemoryRefusesNothing(t *testing.T) {
	for _, out := range []string{"", "sh: not found", "== meminfo\nMemTotal: 5 kB\nMemAvailable: 3 kB\n"} {
		if m, err := parseMemory(out); err == nil {
			t.Errorf("parseMemory(%q) = %+v", out, m)
		}
	}
}

// TestMemoryScript runs the script on this machine: its output must parse and include this process.
func TestMemoryScript(t *testing.T) {
	out := shell(t, memoryScript)
	m, err := parseMemory(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Processes {
		if p.PID == os.Getpid() {
			if p.Name != "bench.test" || p.Anon == 0 || p.PSS < p.Anon || !strings.Contains(p.Args, "bench.test") {
				t.Errorf("this process is %+v", p)
			}
			return
		}
	}
	t.Error("this process is missing")
}

func console() []line {
	at := func(ms int, text string) line { return line{time.Duration(ms) * time.Millisecond, text} }
	return []line{
		at(900, "BdsDxe: starting Boot0001"),
		at(9100, "proa: boot 1/7 early-mounts ok 12ms"),
		at(14000, "proa: boot 1/19 mounts ok 3ms"),
		at(21000, "proa: up slot=a mode=disk version=v1 host=bench"),
		at(21500, "proa: status addresses none"),
		at(22000, "proa: status addresses eth0=10.0.2.15/24"),
		at(30000, "proa: status k3s starting: apiserver: starting"),
		at(95000, "proa: status k3s starting: apiserver: ready"),
		at(180000, "proa: status k3s ready: node Ready"),
	}
}

func TestMilestones(t *testing.T) {
	got, err := find(console(), milestones())
	if err != nil {
		t.Fatal(err)
	}
	want := []Time{{"PID 1", 9.1}, {"boot steps done", 21}, {"network", 22}, {"API server ready", 95}, {"node Ready", 180}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := find(console()[:8], milestones()); err == nil || !strings.Contains(err.Error(), "k3s ready") {
		t.Errorf("a machine that never became ready: %v", err)
	}
}

func TestStopwatch(t *testing.T) {
	var seen strings.Builder
	s := &stopwatch{began: time.Now().Add(-time.Minute), copy: &seen}
	for _, part := range []string{"one\r\ntw", "o\n", "three"} {
		if _, err := s.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	lines := s.all()
	if len(lines) != 2 || lines[0].text != "one" || lines[1].text != "two" || lines[0].at < time.Minute {
		t.Errorf("lines are %+v", lines)
	}
	if seen.String() != "one\r\ntwo\nthree" {
		t.Errorf("copied %q", seen.String())
	}
}

func TestTimelineRefusesNothing(t *testing.T) {
	for _, data := range []string{"", "[]", "{", "[][", `[{"name": "a"}] {`} {
		if steps, err := parseTimeline(data); err == nil {
			t.Errorf("parseTimeline(%q) = %v", data, steps)
		}
	}
}

func example(t *testing.T) Result {
	t.Helper()
	times, err := find(console(), milestones())
	if err != nil {
		t.Fatal(err)
	}
	timeline, err := parseTimeline(testdata(t, "timeline.json"))
	if err != nil {
		t.Fatal(err)
	}
	return Result{
		Host:     Host{CPUs: 2, CPU: "Example CPU", Load: "0.10 0.20 0.30"},
		Sizes:    []Size{{"proa-pc.iso", 300 << 20, 0}, {"proa-pc.img", 1400 << 20, 250 << 20}},
		Times:    times,
		Timeline: timeline,
		Settle:   "5m0s",
		Idle:     reading(t, "idle.txt"),
		One:      Side{Pods: 2, Memory: reading(t, "one.txt")},
		Separate: Side{Pods: 2, Memory: reading(t, "separate.txt")},
	}
}

func TestTable(t *testing.T) {
	golden.Check(t, "table", example(t).Table())
}

func TestJSONSurvives(t *testing.T) {
	want := example(t)
	data, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompressed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := compressed(file); err != nil || n == 0 || n > 1<<12 {
		t.Errorf("a MiB of zeros takes %d bytes, %v", n, err)
	}
}

func shell(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("/bin/sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
