package status

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
)

// TestText: labels in capitals appear for the states that need attention, and for no others.
func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		s          Status
		want, none []string
	}{
		"live":  {Status{Mode: "live"}, []string{"system     mode live\n", "addresses  none\n"}, []string{"slot", "FALLBACK", "FAILED", "CONFIG"}},
		"good":  {Status{Mode: "disk", Slot: "a", Good: true}, []string{"slot a, mode disk, good\n"}, []string{"trial"}},
		"trial": {Status{Mode: "disk", Slot: "b", Trial: true, Tries: 1}, []string{"slot b, mode disk, on trial, 1 tries left\n"}, nil},
		"fallback": {Status{Mode: "disk", Slot: "a", BlackBox: []blackbox.Report{{Slot: "b", GivenUp: true, Tries: 1, Left: []blackbox.Try{{Try: 1, Step: "stage2 network", State: blackbox.Failed, Error: "no link"}}}}},
			[]string{"FALLBACK   slot b was given up after 1 try; it reached: stage2 network (failed:\n           no link)\n           try 1 reached: stage2 network (failed: no link)\n"}, []string{"TRIAL"}},
		"second try": {Status{Mode: "disk", Slot: "b", Trial: true, Tries: 1, Health: "not good yet: node Ready: starting", BlackBox: []blackbox.Report{{Slot: "b", Tries: 1}}},
			[]string{"health     not good yet: node Ready: starting\n", "TRIAL      slot b was started once and is not good yet; it never reached PID 1"}, []string{"FALLBACK"}},
		"no state": {Status{Mode: "disk", Slot: "a", Trial: true, SlotError: "no file"}, []string{"boot state: no file\n"}, []string{"trial"}},
		"two addresses": {Status{Addresses: []netup.Address{{Interface: "eth0", Address: "10.0.0.2/24"}, {Interface: "eth1", Address: "fd00::2/64"}}},
			[]string{"addresses  eth0=10.0.0.2/24,eth1=fd00::2/64\n"}, nil},
		"node": {Status{K3s: "ready: x", NodeName: "edge-7", NodeIP: "10.0.0.2", Problems: []string{"image archive /a.tar: unexpected EOF; left out"}},
			[]string{"node       edge-7 10.0.0.2\n", "PROBLEM    image archive /a.tar: unexpected EOF; left out\n"}, nil},
		"request": {Status{ClusterUpgrade: "it waits"}, []string{"upgrade    it waits\n"}, nil},
		"service": {Status{Services: []supervise.State{{Name: "ntp", State: "ready"}}, FailedSteps: []string{"clock: x"}}, []string{"service    ntp ready\n", "FAILED     clock: x\n"}, nil},
	} {
		got := c.s.Text()
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", name, w, got)
			}
		}
		for _, w := range c.none {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q in\n%s", name, w, got)
			}
		}
	}
}

// TestWriteForRootAlone: the file is not readable by pods and other users.
func TestWriteForRootAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "status.json")
	if err := write(sys.Linux{}, file, Status{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
