package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// Two server addresses that agree; they are started once the node is Ready.
const clockConfig = readyConfig + "ntp: {servers: [127.0.0.1, 127.0.0.2]}\n"

// TestClock: a machine whose RTC is four years off becomes Ready at its first boot without NTP, again after NTP has
// corrected the clock, and after a restart; its pods run each time. The same when the clock of a running node is
// stepped by a week.
func TestClock(t *testing.T) {
	needs(t, "clock")
	for name, c := range map[string]struct {
		years    int
		from     string // expected source of the time at first
		restarts bool   // k3s restarts once the time is right; not if the clock was only as old as the image
	}{"ahead": {4, "not synchronised; time from the RTC", true}, "behind": {-4, "not synchronised; counts from the build time of this system", false}} {
		t.Run(name, func(t *testing.T) {
			o := onDisk
			o.config, o.clock = clockConfig, time.Now().AddDate(c.years, 0, 0)
			m := readyOn(t, o)
			m.until("proa status", c.from, bootBudget)
			apply(m, "one.yaml")
			m.run("kubectl rollout status deployment/hello --timeout=20m", nil)
			mark := m.Mark()
			m.keepTime(t)
			year := fmt.Sprint(time.Now().UTC().Year())
			m.until("proa status", "synchronised since "+year, podBudget)
			if c.restarts {
				m.expectAfter(mark, "restarting: the clock was set back by", podBudget)
			}
			m.podsRunAsBefore(t, year)
			m.off()
			m.spec.Clock = time.Time{} // the kernel has set the RTC
			m.powerOn()
			m.podsRunAsBefore(t, year)
			m.keepTime(t)
			m.noTimeForAWeek(t)
			if text := m.run("proa status", nil); strings.Contains(text, "certificate") || strings.Contains(text, "FAILED") {
				t.Error(text)
			}
		})
	}
}

// podsRunAsBefore: the pods are ready and answer.
func (m *machine) podsRunAsBefore(t *testing.T, year string) {
	t.Helper()
	m.podsRun()
	m.run("kubectl rollout status deployment/hello --timeout=20m", nil)
	askNodePort(t, m, "hello from hello-")
	if got := m.run("date -u +%Y", nil); got != year+"\n" {
		t.Errorf("the year is %s", got)
	}
}

// noTimeForAWeek: the clock of a running node is stepped by a week without NTP, and corrected later. New pods start in
// both cases.
func (m *machine) noTimeForAWeek(t *testing.T) {
	t.Helper()
	m.run("kill $(pidof timeserver) && date -u -s @$(($(date +%s) + 7 * 86400))", nil)
	m.startsPods(2)
	mark := m.Mark()
	m.keepTime(t)
	m.until(fmt.Sprintf("echo half days off: $((($(date +%%s) - %d) / 43200))", time.Now().Unix()), "off: 0\n", podBudget)
	m.expectAfter(mark, "restarting: the clock was set back by", podBudget)
	m.podsRun()
	m.startsPods(3)
}

// startsPods: a pod without a service account starts, and so does one that uses a token with the API server.
func (m *machine) startsPods(replicas int) {
	m.t.Helper()
	for _, command := range []string{
		fmt.Sprintf("kubectl scale deployment/hello --replicas=%d && kubectl rollout status deployment/hello --timeout=20m", replicas),
		"kubectl rollout restart -n kube-system deployment/coredns && kubectl rollout status -n kube-system deployment/coredns --timeout=20m",
	} {
		m.run(command, nil)
	}
	m.nodeReady()
}

// keepTime starts NTP servers on the machine with this host's time, and lets its client query them at once.
func (m *machine) keepTime(t *testing.T) {
	t.Helper()
	f, err := os.Open(compile(t, "amd64", "timeserver"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m.run("rm -f /run/timeserver; cat > /run/timeserver && chmod 0700 /run/timeserver", f)
	m.run(fmt.Sprintf("/run/timeserver %d > /run/timeserver.log 2>&1 & sleep 1; proa restart ntp", time.Now().Unix()), nil)
}
