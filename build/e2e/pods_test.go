package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// podLines prints the time at which the machine was booted, in seconds of Unix time, and a line for each pod: its name,
// its phase, and for each container whether it is ready and since when it runs.
const podLines = `echo $(($(date +%s) - $(cut -d. -f1 /proc/uptime))); kubectl get pods -A -o jsonpath='{range .items[*]}` +
	`{.metadata.name} {.status.phase}{range .status.containerStatuses[*]} {.ready},{.state.running.startedAt}{end}{"\n"}{end}'`

// podsRun waits until the node is Ready and every pod runs. The API server's state of pods may be from before a power
// cut, so the containers must have been started after the boot.
func (m *machine) podsRun() {
	m.t.Helper()
	m.nodeReady()
	m.untilIs(podLines, "every pod runs", notRunning, podBudget)
}

// notRunning parses podLines and returns which pods do not run; nil if all do.
func notRunning(text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	boot, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil {
		return err
	}
	for _, deployment := range []string{"coredns-", "local-path-provisioner-"} {
		if !strings.Contains(text, "\n"+deployment) {
			return fmt.Errorf("no pod of %s", strings.TrimSuffix(deployment, "-"))
		}
	}
	for _, line := range lines[1:] {
		if err := podRuns(strings.Fields(line), time.Unix(boot, 0)); err != nil {
			return fmt.Errorf("%w: %s", err, line)
		}
	}
	return nil
}

// podRuns checks one line. A completed pod needs no running container.
func podRuns(words []string, boot time.Time) error {
	if len(words) > 1 && words[1] == "Succeeded" {
		return nil
	}
	if len(words) < 3 || words[1] != "Running" {
		return fmt.Errorf("not running")
	}
	for _, container := range words[2:] {
		ready, since, _ := strings.Cut(container, ",")
		started, err := time.Parse(time.RFC3339, since)
		switch {
		case ready != "true" || err != nil:
			return fmt.Errorf("a container is not ready")
		case started.Before(boot):
			return fmt.Errorf("a container is said to run since before the machine was started")
		}
	}
	return nil
}

func TestNotRunning(t *testing.T) {
	const system = "coredns-1 Running true,2026-11-27T10:00:30Z\nlocal-path-provisioner-1 Running true,2026-11-27T10:00:31Z\n"
	boot := fmt.Sprintln(time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC).Unix())
	for text, want := range map[string]string{
		boot + system: "", boot + system + "hello Running true,2026-11-27T10:01:00Z true,2026-11-27T10:01:01Z\njob Succeeded false,\n": "",
		"": "invalid syntax", boot: "no pod of coredns", boot + system[:strings.Index(system, "\n")+1]: "no pod of local-path-provisioner",
		boot + system + "hello Running true,2026-11-27T09:59:59Z\n":                            "since before the machine",
		boot + system + "hello Running true,2026-11-27T10:01:00Z false,2026-11-27T10:01:00Z\n": "not ready",
		boot + system + "hello Running true,\n":                                                "not ready",
		boot + system + "hello Pending\n":                                                      "not running",
		boot + system + "hello Running\n":                                                      "not running",
	} {
		if err := notRunning(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
