package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
)

// moment is the time of a power cut: some time after a console line. The times are those of an emulated machine; if a
// machine is faster, or never prints the line, the power is cut at another moment, which is a valid test too.
type moment struct {
	line string
	most time.Duration
}

// cutter draws random moments for the cuts of one machine.
type cutter struct {
	t    *testing.T
	rand *rand.Rand
	cuts int
}

// sideBySide divides the cuts among machines that run in parallel, and prints the seed. PROA_SEED repeats a run;
// PROA_CUTS sets the number of cuts.
func sideBySide(t *testing.T, otherwise, perMachine int, run func(*testing.T, cutter)) {
	t.Helper()
	seed, cuts := number(t, "PROA_SEED", int(time.Now().UnixNano())), number(t, "PROA_CUTS", otherwise)
	t.Logf("PROA_SEED=%d PROA_CUTS=%d, %d for each machine", seed, cuts, perMachine)
	for n := 0; n*perMachine < cuts; n++ {
		t.Run(fmt.Sprintf("machine-%d", n+1), func(t *testing.T) {
			t.Parallel()
			run(t, cutter{t, rand.New(rand.NewPCG(uint64(seed), uint64(n))), min(perMachine, cuts-n*perMachine)})
		})
	}
}

// beside are the options of a machine that shares the host's CPUs with another one.
func beside() options {
	o := onDisk
	o.medium, o.restrict, o.config, o.cpus = qemu.Disk, true, readyConfig, 1
	return o
}

// cut boots the machine and cuts the power. If the machine is up before it has printed the line, the cut is made then.
func (c cutter) cut(n int, m *machine, moments []moment) {
	c.t.Helper()
	at := moments[c.rand.IntN(len(moments))]
	after := time.Duration(c.rand.Int64N(int64(at.most)))
	m.pressStart()
	ctx, cancel := m.Budget(context.Background(), bootBudget)
	defer cancel()
	go func() {
		_, _ = m.WaitLine(ctx, "proa: up ") // the wait below reports the cause
		time.Sleep(time.Second)
		cancel()
	}()
	_, err := m.WaitLine(ctx, at.line)
	time.Sleep(after)
	m.Kill()
	c.t.Logf("cut %d: power off %s after %q; seen: %v", n, after.Round(time.Millisecond), at.line, err == nil)
}

// TestPowerCutsFirstBoot cuts the power while a new disk is initialised: partition table, file system, keys, images,
// cluster. Four times for each disk, which must then boot without help. PROA_CUTS is by default 20, on five disks.
func TestPowerCutsFirstBoot(t *testing.T) {
	needs(t, "first-boot-cuts")
	sideBySide(t, 20, 4, func(t *testing.T, c cutter) {
		m := prepare(t, beside())
		for n := range c.cuts {
			c.cut(n+1, m, []moment{
				{"proa: boot", 8 * time.Second}, {"mount-boot", time.Second}, {"data: made partition", time.Second}, {"data: making a file system", 3 * time.Second},
				{"proa: up ", 30 * time.Second}, {"proa: up ", 200 * time.Second},
			})
		}
		m.powerOn()
		m.podsRun()
		m.off()
		cleanDisk(t, m.spec.Image)
		t.Logf("%d cuts in first boot: Ready with all pods", c.cuts)
	})
}

// TestPowerCutsWhileDataGrows enlarges the disk and cuts the power while partition and file system are resized.
// Afterwards all acknowledged data is there, and data has the new size. PROA_CUTS is by default 10, on two machines.
func TestPowerCutsWhileDataGrows(t *testing.T) {
	needs(t, "grow-cuts")
	sideBySide(t, 10, 5, func(t *testing.T, c cutter) {
		c.whileReady("while data grows", c.grow)
	})
}

// whileReady makes the cuts on one machine, which is Ready before the first and after each.
func (c cutter) whileReady(when string, one func(m *machine, cut int)) {
	c.t.Helper()
	m := readyOn(c.t, beside())
	for cut := range c.cuts {
		if one(m, cut); c.t.Failed() {
			c.t.Fatalf("after %d cuts", cut+1)
		}
		c.t.Logf("%d of %d cuts %s: Ready with all pods", cut+1, c.cuts, when)
	}
	m.off()
	cleanDisk(c.t, m.spec.Image)
}

// grow makes one cut while data grows.
func (c cutter) grow(m *machine, cut int) {
	c.t.Helper()
	m.run(fmt.Sprintf("kubectl create configmap acknowledged-%d --from-literal=cut=%[1]d", cut), nil)
	m.Kill()
	size := m.diskSize() + int64(1+c.rand.IntN(4096))*layout.MiB
	if err := os.Truncate(m.spec.Image, size); err != nil {
		c.t.Fatal(err)
	}
	c.cut(cut+1, m, []moment{
		{"mount-boot", time.Second}, {"the disk has grown", time.Second}, {"the disk has grown", 5 * time.Second}, {"the file system has grown", time.Second}, {"proa: up ", 60 * time.Second},
	})
	m.powerOn()
	m.podsRun()
	allThere(m, cut)
	m.isGrown(size)
	c.t.Logf("the disk has %d MiB", size/layout.MiB)
}

func (m *machine) diskSize() int64 {
	m.t.Helper()
	info, err := os.Stat(m.spec.Image)
	if err != nil {
		m.t.Fatal(err)
	}
	return info.Size()
}

// isGrown checks that partition and file system use a disk of size bytes. ext4 keeps some percent for itself.
func (m *machine) isGrown(size int64) {
	m.t.Helper()
	p := partition(m.t, m.spec.Image, layout.Data)
	if size-p.Start-p.Size > 2*layout.MiB {
		m.t.Errorf("the partition of %d MiB leaves more than the copy of the table free of a disk of %d MiB", p.Size/layout.MiB, size/layout.MiB)
	}
	var kib int64
	text := m.run("df -k /run/proa/data | tail -n 1 | awk '{print $2}'", nil)
	if _, err := fmt.Sscan(text, &kib); err != nil || kib<<10 < p.Size/100*95 {
		m.t.Errorf("the file system has %q KiB on a partition of %d MiB, %v", text, p.Size/layout.MiB, err)
	}
}
