package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// Asked at two addresses, two servers agree; they start once the node is Ready.
const clockConfig = readyConfig + "ntp: {servers: [127.0.0.1, 127.0.0.2]}\n"

// TestClock: a machine whose own clock is four years off is Ready at its first start, without NTP as well, and again after NTP has put the clock
// right, and after the machine was restarted; its pods are there each time. So it is when the clock of a running node is moved by a week.
func TestClock(t *testing.T) {
	needs(t, "clock")
	for name, c := range map[string]struct {
		years    int
		from     string // what the time comes from at first
		restarts bool   // k3s, once the time is right: it was not four years behind, but as old as the system
	}{"ahead": {4, "not synchronised; the machine's own clock", true}, "behind": {-4, "not synchronised; counts from when this system was built", false}} {
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
				m.expectAfter(mark, "restarting: the clock was put back by", podBudget)
			}
			m.podsRunAsBefore(t, year)
			m.off()
			m.spec.Clock = time.Time{} // the kernel has set the machine's own
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

// podsRunAsBefore: the pods are ready, and answer.
func (m *machine) podsRunAsBefore(t *testing.T, year string) {
	t.Helper()
	m.podsRun()
	m.run("kubectl rollout status deployment/hello --timeout=20m", nil)
	askNodePort(t, m, "hello from hello-")
	if got := m.run("date -u +%Y", nil); got != year+"\n" {
		t.Errorf("the year is %s", got)
	}
}

// noTimeForAWeek: the clock of a running node moves by a week, there is no NTP to see it, and then there is. New pods start in both times.
func (m *machine) noTimeForAWeek(t *testing.T) {
	t.Helper()
	m.run("kill $(pidof timeserver) && date -u -s @$(($(date +%s) + 7 * 86400))", nil)
	m.startsPods(2)
	mark := m.Mark()
	m.keepTime(t)
	m.until(fmt.Sprintf("echo half days off: $((($(date +%%s) - %d) / 43200))", time.Now().Unix()), "off: 0\n", podBudget)
	m.expectAfter(mark, "restarting: the clock was put back by", podBudget)
	m.podsRun()
	m.startsPods(3)
}

// startsPods: a pod without an account starts, and one that asks the API server by a token.
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

// keepTime starts NTP servers on the machine that have this host's time, and lets its client ask them at once.
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
