package e2e

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/init/background"
)

// podStates is what must be the same of each pod across a soft swap.
const podStates = `kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.uid}{range .status.containerStatuses[*]} {.containerID} {.restartCount} {.state.running.startedAt}{end}{"\n"}{end}'`

// TestOutage measures for how long a pod does not answer while its node is upgraded: by a soft swap, where no container may
// change, and by a restart of the machine.
func TestOutage(t *testing.T) {
	needs(t, "softswap")
	o := options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, memory: 3072,
		config: readyConfig + "upgrade: {swap: always}\nhealth: {deadline: 60m}\n"}
	m := start(t, o)
	m.nodeReady()
	m.run("ctr -n k8s.io images import -", strings.NewReader(string(helloImage(t, o.arch()))))
	apply(m, "one.yaml")
	m.run("kubectl rollout status deployment/hello --timeout=40m", nil)
	askNodePort(t, m, "hello from hello-")
	m.untilGood(readyBudget)
	m.podsRun()
	before := m.run(podStates, nil)

	old := m.slot()
	next := newer(t, old, "v1.1.0")
	asked := m.askAlways()
	mark := m.Mark()
	m.offers(old, next) // by a patch: writing all of a root beside a node that works takes too long under emulation
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.untilGood(readyBudget)
	t.Logf("TCG: a pod did not answer for %.1f s around a soft swap", asked().Seconds())
	if now := m.run(podStates, nil); now != before {
		t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, now)
	}
	if out := m.run("proa slot; proa upgrade log", nil); !strings.Contains(out, "running by soft swap from slot a") || !strings.Contains(out, "tried by soft swap") || !strings.Contains(out, "patch from ") {
		t.Fatalf("not by soft swap, or not by a patch:\n%s", out)
	}
	m.shimsServe()
	m.engineWaited()

	asked, mark = m.askAlways(), m.Mark()
	m.node.Run(t.Context(), "proa reboot", nil)
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.nodeReady()
	askNodePort(t, m, "hello from hello-")
	t.Logf("TCG: a pod did not answer for %.1f s around a restart of the machine", asked().Seconds())
	m.off()
}

// shimsServe: a shim from before the swap starts its container again.
func (m *machine) shimsServe() {
	m.t.Helper()
	m.run("kill $(pidof hello)", nil)
	m.until("kubectl get pods -l app=hello -o jsonpath='{.items[*].status.containerStatuses[*].restartCount} {.items[*].status.containerStatuses[*].ready}'", "1 true", podBudget)
	askNodePort(m.t, m, "hello from hello-")
}

// engineWaited: the kernel had the controllers that make the engine, which wrote the slot beside a node that served, wait
// for the node; the share of the disk is set where the kernel offers one.
func (m *machine) engineWaited() {
	m.t.Helper()
	out := m.run("cd "+background.Cgroup+"; grep . cpu.weight io.weight io.bfq.weight 2>/dev/null; grep usage_usec cpu.stat; cat memory.peak", nil)
	m.t.Logf("the engine's cgroup:\n%s", out)
	if !strings.Contains(out, "cpu.weight:10\n") {
		m.t.Errorf("the engine had the share of others")
	}
}

// askAlways asks the pod over and over, until its result is called, which returns the longest time between two answers.
func (m *machine) askAlways() (longest func() time.Duration) {
	m.t.Helper()
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	stop, gap := make(chan struct{}), time.Duration(0)
	var asking sync.WaitGroup
	asking.Go(func() {
		for last := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			select {
			case <-stop:
				gap = max(gap, time.Since(last))
				return
			default:
			}
			r, err := client.Get("http://" + m.Addr(nodePort) + "/always")
			if err != nil {
				continue
			}
			if body, err := io.ReadAll(r.Body); err == nil && strings.Contains(string(body), "hello from hello-") {
				gap, last = max(gap, time.Since(last)), time.Now()
			}
			r.Body.Close()
		}
	})
	return func() time.Duration { close(stop); asking.Wait(); return gap }
}
