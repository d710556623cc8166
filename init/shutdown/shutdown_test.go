package shutdown

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
29 22 0:4 net:[1] /run/netns/cni-1 rw - nsfs nsfs rw
`
	want := []string{"/run/netns/cni-1", "/run/k3s/containerd/rootfs", "/var/lib/kubelet/pods/1/volumes/a b", "/var", "/run/proa/data", "/boot"}
	if d := cmp.Diff(want, parse(mountinfo)); d != "" {
		t.Error(d)
	}
}

// TestPanicGoesOn: a panic in a step does not stop the shutdown.
func TestPanicGoesOn(t *testing.T) {
	var said []string
	m := &Machine{Logf: func(f string, a ...any) { said = append(said, f) }}
	guard(m, Step{"explode", time.Second, func(*Machine) { panic("boom") }, nil})
	if len(said) != 1 {
		t.Errorf("said %v", said)
	}
}

// TestHangEnds: a step that hangs ends at its limit, and the others still run.
func TestHangEnds(t *testing.T) {
	var mu sync.Mutex
	var said []string
	m := &Machine{Logf: func(f string, a ...any) { mu.Lock(); defer mu.Unlock(); said = append(said, f) }}
	ended := false
	began := time.Now()
	run(m, []Step{
		{"hang", 100 * time.Millisecond, func(*Machine) { select {} }, nil},
		{"end", time.Minute, func(*Machine) { ended = true }, nil},
	})
	if took := time.Since(began); !ended || took < 100*time.Millisecond || took > 10*time.Second {
		t.Errorf("ended %t after %s", ended, took)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(said) != 3 || !strings.Contains(said[0], "not done after") {
		t.Errorf("said %q", said)
	}
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
	if all != 580*time.Second {
		t.Errorf("going down may take %s", all)
	}
}

// TestSlowDiskIsWaitedFor: as long as the amount of dirty data decreases the disk is waited for; without progress the
// step ends.
func TestSlowDiskIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		moves bool
		want  bool
	}{"writes": {true, true}, "stands still": {false, false}} {
		var left atomic.Int64
		left.Store(1 << 30)
		m := &Machine{Logf: t.Logf}
		written, ended := make(chan struct{}), false
		run(m, []Step{
			{"sync", 100 * time.Millisecond, func(*Machine) { time.Sleep(700 * time.Millisecond); close(written) }, func() int64 {
				if c.moves {
					left.Add(-4096)
				}
				return left.Load()
			}},
			{"end", time.Minute, func(*Machine) {
				select {
				case <-written:
					ended = true
				default:
				}
			}, nil},
		})
		if ended != c.want {
			t.Errorf("%s: waited to the end: %t", name, ended)
		}
	}
}

func TestParseDirty(t *testing.T) {
	if got := parseDirty("MemFree:  100 kB\nDirty:             96 kB\nWriteback:         4 kB\nWritebackTmp: 7 kB\n"); got != 100<<10 {
		t.Errorf("%d bytes", got)
	}
	if dirty() < 0 || parseDirty("") != 0 {
		t.Error("negative")
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
