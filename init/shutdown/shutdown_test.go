package shutdown

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/golden"
)

func TestSequence(t *testing.T) { golden.Check(t, "sequence", Print()) }

func TestUnmountOrder(t *testing.T) {
	const mountinfo = `20 1 253:0 / / ro,relatime shared:1 - erofs /dev/dm-0 ro
21 20 0:5 / /dev rw - devtmpfs devtmpfs rw
22 20 0:20 / /run rw - tmpfs tmpfs rw
23 20 0:21 / /etc rw - overlay etc rw
24 20 254:2 / /boot ro - vfat /dev/vda2 ro
25 22 254:5 / /run/proa/data rw - ext4 /dev/vda5 rw
26 20 254:5 /var /var rw - ext4 /dev/vda5 rw
27 26 0:50 / /var/lib/kubelet/pods/1/volumes/a\040b rw - tmpfs tmpfs rw
28 22 0:51 / /run/k3s/containerd/rootfs rw - overlay overlay rw
30 20 254:5 /home /home rw - ext4 /dev/vda5 rw
31 30 0:20 /proa/ssh/keys/ada /home/ada/.proa-ssh rw - tmpfs tmpfs rw
32 25 0:20 /proa/ssh/keys/ada /run/proa/data/home/ada/.proa-ssh rw - tmpfs tmpfs rw
29 22 0:4 net:[1] /run/netns/cni-1 rw - nsfs nsfs rw
`
	want := []string{"/run/netns/cni-1", "/run/proa/data/home/ada/.proa-ssh", "/home/ada/.proa-ssh", "/home", "/run/k3s/containerd/rootfs", "/var/lib/kubelet/pods/1/volumes/a b", "/var", "/run/proa/data", "/boot"}
	if d := cmp.Diff(want, parse(mountinfo)); d != "" {
		t.Error(d)
	}
}

// TestPanicGoesOn: a panic in a step does not stop the shutdown.
func TestPanicGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still meanwhile
		k, m := start(t, nil)
		ended := false
		run(m, []Step{
			{"explode", func(context.Context, *Machine) error { panic("boom") }, step.Warn, time.Minute},
			{"end", func(context.Context, *Machine) error { ended = true; return nil }, step.Warn, time.Minute},
		})
		if said := k.heard("shutdown 1/2 explode FAILED (warn) 0ms: panic: boom"); !ended || len(said) != 1 {
			t.Errorf("ended %t, said %q", ended, k.said)
		}
	})
}

// TestHangEnds: a step that hangs ends at its limit, and the others still run.
func TestHangEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m := start(t, nil)
		release, ended := make(chan struct{}), false
		defer close(release)
		run(m, []Step{
			{"hang", func(context.Context, *Machine) error { <-release; return nil }, step.Warn, time.Minute},
			{"end", func(context.Context, *Machine) error { ended = true; return nil }, step.Warn, time.Minute},
		})
		if said := k.heard("shutdown 1/2 hang FAILED (warn) 60000ms: not done after 1m0s"); !ended || len(said) != 1 {
			t.Errorf("ended %t, said %q", ended, k.said)
		}
	})
}

// TestLimits: every step has a limit. Their sum is documented in docs/contracts.md, for disks that do not write any
// more.
func TestLimits(t *testing.T) {
	var all time.Duration
	for _, s := range Sequence() {
		if s.Limit <= 0 {
			t.Errorf("%s may take for ever", s.Name)
		}
		all += s.Limit
	}
	if all != 600*time.Second {
		t.Errorf("going down may take %s", all)
	}
}

// TestSlowDiskIsWaitedFor: as long as the amount of dirty data decreases the disk is waited for, and the user is told;
// without progress the step ends at its limit.
func TestSlowDiskIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		moves bool
		took  time.Duration
	}{"writes": {true, 5 * time.Minute}, "stands still": {false, time.Second + time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			k, m := start(t, nil)
			release := make(chan struct{})
			time.AfterFunc(5*time.Minute, func() { close(release) })
			slow := func(context.Context, *Machine) error { <-release; return nil }
			ctx, stop := context.WithCancel(t.Context())
			var disk sync.WaitGroup
			disk.Go(func() {
				for left := 1 << 21; ctx.Err() == nil; time.Sleep(10 * time.Second) {
					k.put("proc/new", fmt.Sprintf("Dirty: %d kB\n", left))
					if err := os.Rename(k.root+"/proc/new", k.root+"/proc/meminfo"); err != nil {
						t.Error(err)
					}
					if c.moves {
						left -= 1024
					}
				}
			})
			began := time.Now()
			run(m, []Step{{"sync", whileWriting(slow), step.Warn, time.Minute}})
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: waited for %s, want %s", name, took, c.took)
			}
			if len(k.heard("MiB are still to be written to disk; do not switch off")) < 5 {
				t.Errorf("%s: said %q", name, k.said)
			}
			<-release
			stop()
			disk.Wait()
		})
	}
}

func TestParseDirty(t *testing.T) {
	if got := parseDirty("MemFree:  100 kB\nDirty:             96 kB\nWriteback:         4 kB\nWritebackTmp: 7 kB\n"); got != 100<<10 {
		t.Errorf("%d bytes", got)
	}
	if dirty("") < 0 || dirty("/nowhere") != 0 || parseDirty("") != 0 {
		t.Error("negative, or something where there is no file")
	}
}

func TestParseMountinfo(t *testing.T) {
	for line, want := range map[string]string{
		"":         "",
		"garbage":  "",
		"1 2 3 - ": "",
		"30 1 8:1 / /mnt/a\\040b\\134c rw - ext4 /dev/sda1 rw":   `/mnt/a b\c`,
		"30 1 8:1 / /srv rw shared:1 master:2 - nfs4 host:/x rw": "/srv",
		"30 1 0:1 / /run rw - tmpfs t rw":                        "",
		"30 1 0:1 / /run/proa/data/x rw - tmpfs t rw":            "/run/proa/data/x",
		"30 1 0:1 / /cdrom ro - iso9660 /dev/sr0 ro":             "",
		"30 1 0:1 / / rw - erofs /dev/dm-0 ro":                   "",
	} {
		if got := strings.Join(parse(line), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
