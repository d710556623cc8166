package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPowerCuts cuts the power at random moments and looks, each time, whether everything acknowledged is still there.
// PROA_SEED repeats a run; PROA_CUTS sets how many (10).
func TestPowerCuts(t *testing.T) {
	needs(t, "full")
	seed := number(t, "PROA_SEED", int(time.Now().UnixNano()))
	t.Logf("PROA_SEED=%d", seed)
	moments := rand.New(rand.NewPCG(uint64(seed), 0))
	m := ready(t)
	for cut := range number(t, "PROA_CUTS", 10) {
		name := fmt.Sprintf("acknowledged-%d", cut)
		m.run("kubectl create configmap "+name+" --from-literal=cut="+strconv.Itoa(cut), nil)
		moment := time.Duration(moments.IntN(20_000)) * time.Millisecond
		go m.node.Run(t.Context(), "while :; do kubectl create configmap noise-$RANDOM$RANDOM; done", nil)
		time.Sleep(moment)
		m.Kill()
		t.Logf("cut %d: power off %s after the last acknowledged object", cut, moment)
		m.powerOn()
		m.until("kubectl get node edge-1", " Ready ", readyBudget)
		allThere(m, cut)
	}
}

// allThere: every object of every cut, and no file system or database that needed more than its journal.
func allThere(m *machine, cuts int) {
	m.t.Helper()
	got := m.run("kubectl get configmaps -o name", nil)
	for cut := range cuts + 1 {
		if name := fmt.Sprintf("configmap/acknowledged-%d\n", cut); !strings.Contains(got, name) {
			m.t.Errorf("%s is gone after cut %d", strings.TrimSpace(name), cuts)
		}
	}
	if out := m.run("k3s check-datastore", nil); !strings.Contains(out, "ok") {
		m.t.Errorf("datastore: %s", out)
	}
	if strings.Contains(m.Console(), "EXT4-fs error") || strings.Contains(m.Console(), "UNEXPECTED INCONSISTENCY") {
		m.t.Error("the data file system was damaged")
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
