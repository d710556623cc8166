package e2e

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
)

// TestPowerCuts cuts the power at random moments and checks each time that all acknowledged data is there. PROA_SEED
// repeats a run; PROA_CUTS sets the number of cuts (10).
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
		m.nodeReady()
		allThere(m, cut)
	}
	m.off()
	cleanDisk(t, m.spec.Image)
}

// cleanDisk runs e2fsck and fsck.fat on the partitions of a machine that was shut down in order.
func cleanDisk(t *testing.T, image string) {
	t.Helper()
	for role, judge := range map[layout.Role][]string{layout.Data: {"e2fsck", "-f", "-n"}, layout.Boot: {"fsck.fat", "-n"}} {
		p := partition(t, image, role)
		part := filepath.Join(t.TempDir(), string(role))
		carve := fmt.Sprintf("if=%s of=%s bs=1M iflag=skip_bytes,count_bytes skip=%d count=%d conv=sparse", image, part, p.Start, p.Size)
		if out, err := exec.Command("dd", strings.Fields(carve)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := exec.Command(oracle.Tool(t, judge[0]), append(judge[1:], part)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", judge[0], err, out)
		}
	}
}

// readOnly makes a disk read-only.
type readOnly struct{ io.ReaderAt }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, errors.New("read-only") }

// allThere: every object of every cut exists, and no file system or database needed more than a replay of its journal.
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
