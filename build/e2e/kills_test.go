package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/layout"
)

// killsConfig is a node whose transfers take long, so that kills come at every stage of them.
const killsConfig = readyConfig + "upgrade: {bandwidth: 600k}\n"

// TestKillsUpgrade kills the engine, k3s and QEMU at random moments of upgrades of one machine: PROA_KILLS times while it
// writes the other slot (60), and k3s and QEMU once each during the trial. PROA_SEED repeats a run. The slot that ran
// starts each time, the same command goes on, and in the end the new version is good and the datastore whole.
func TestKillsUpgrade(t *testing.T) {
	needs(t, "kills")
	seed := number(t, "PROA_SEED", int(time.Now().UnixNano()))
	t.Logf("PROA_SEED=%d", seed)
	o := options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, memory: 3072, config: killsConfig}
	k := killer{m: start(t, o), rand: rand.New(rand.NewPCG(uint64(seed), 2)), want: number(t, "PROA_KILLS", 60), killed: map[string]int{}}
	k.m.nodeReady()
	k.m.untilGood(readyBudget)
	version := 0
	for k.total() < k.want {
		version++
		k.writes(version)
	}
	k.trial(version)
	t.Logf("%d kills while %d releases were written: %v; in the trial: k3s, QEMU; the last release is good", k.total(), version, k.killed)
}

type killer struct {
	m      *machine
	rand   *rand.Rand
	want   int
	site   string
	killed map[string]int // by victim
}

func (k *killer) total() (n int) {
	for _, count := range k.killed {
		n += count
	}
	return n
}

// writes has one release written, with kills until it is or until there were enough.
func (k *killer) writes(version int) {
	m := k.m
	m.t.Helper()
	s := newer(m.t, m.slot(), fmt.Sprintf("v1.%d.0", version))
	k.site = m.served(released(m.t, m.own.TempDir(), releasing.Options{Patches: -1}, s)) // without a patch there is more to transfer
	for {
		command := k.fetch()
		if k.total() >= k.want {
			if err := <-command; err != nil {
				m.t.Fatalf("after %v: %v", k.killed, err)
			}
			return
		}
		if k.kills(command) {
			return
		}
	}
}

// fetch starts the command of the upgrade. The error that it ends with is sent.
func (k *killer) fetch() <-chan error {
	node, ended := k.m.node, make(chan error, 1)
	go func() {
		r := node.Run(context.Background(), "proa upgrade fetch "+k.site, nil)
		if r.Err != nil {
			r.Err = fmt.Errorf("%w: %s", r.Err, r.Stdout)
		}
		ended <- r.Err
	}()
	return ended
}

// kills kills at random moments until the command ends, by itself or by that; complete says that it was done.
func (k *killer) kills(command <-chan error) (complete bool) {
	m := k.m
	for {
		select {
		case err := <-command:
			if err != nil {
				m.t.Fatalf("nobody killed the engine, after %v: %v", k.killed, err)
			}
			return true
		case <-time.After(time.Duration(k.rand.IntN(12_000)) * time.Millisecond):
		}
		switch victim := []string{"engine", "k3s", "QEMU"}[k.rand.IntN(3)]; victim {
		case "engine":
			if !k.kill(victim, "proa-upgrade") {
				continue
			}
			if err := <-command; err == nil {
				m.t.Fatalf("the command succeeded although its engine was killed")
			}
			m.run("proa status", nil)
			return false
		case "k3s":
			k.kill(victim, "k3s")
		case "QEMU":
			k.killed[victim]++
			k.powerCut("a")
			<-command
			return false
		}
	}
}

// kill kills a program of the machine, if it runs.
func (k *killer) kill(victim, program string) bool {
	out := k.m.run("p=$(pidof "+program+") && kill -9 $p && echo killed || true", nil)
	if strings.Contains(out, "killed") {
		k.killed[victim]++
		return true
	}
	return false
}

// powerCut kills QEMU and starts the machine again: a slot comes up.
func (k *killer) powerCut(slot layout.Slot) {
	k.m.Kill()
	k.m.powerOn()
	k.m.expect(fmt.Sprintf("proa: up slot=%s mode=disk ", slot), bootBudget)
	if strings.Contains(k.m.Console(), "FALLBACK") || strings.Contains(k.m.Console(), "EXT4-fs error") {
		k.m.t.Errorf("after %v the console says %s", k.killed, k.m.Console())
	}
}

// trial restarts into the new version, and kills k3s and QEMU before it is good.
func (k *killer) trial(version int) {
	m := k.m
	m.untilGood(readyBudget)
	mark := m.Mark()
	m.node.Run(m.t.Context(), "proa upgrade apply "+k.site, nil) // the connection ends with the machine
	m.expectAfter(mark, "proa: up slot=b mode=disk ", readyBudget)
	m.until("pidof k3s || true", "\n", bootBudget)
	m.run("kill -9 $(pidof k3s)", nil)
	k.powerCut("b")
	m.untilGood(readyBudget)
	m.nodeReady()
	if out := m.run("k3s check-datastore; proa upgrade log", nil); !strings.Contains(out, "ok") || !strings.Contains(out, "succeeded") || !strings.Contains(out, fmt.Sprintf("v1.%d.0", version)) {
		m.t.Errorf("afterwards: %s", out)
	}
	m.off()
	cleanDisk(m.t, m.spec.Image)
}
