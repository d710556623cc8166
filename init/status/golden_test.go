package status

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/usermount"
)

// TestGolden: the output of `proa status` and `proa status --json` after a fallback, and during the second try of a
// trial.
func TestGolden(t *testing.T) {
	since := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	last := since.AddDate(0, 1, 0)
	for name, s := range map[string]Status{
		"fallback": {Version: "v1", Hostname: "edge-7", Board: "pc", Mode: "disk", Slot: "a", Good: true, Fallback: "b:3", DefaultRoute: true, K3s: "ready: node Ready", NodeReady: true,
			Clock: clock.State{Source: "ntp", Sure: true, Since: &since, Last: &last, Servers: []string{"10.0.0.1", "0.pool.ntp.org"}, Offset: 1.25},
			BlackBox: []blackbox.Report{{Slot: "b", GivenUp: true, Tries: 3, Left: []blackbox.Try{
				{Try: 1, Step: "stage1 map-verity", State: blackbox.Started, Seconds: 4},
				{Try: 3, Step: "health: node Ready", State: blackbox.Failed, Error: "restarting (last run: exit code 1: kine: disk full)", Seconds: 930},
			}}}},
		"trial": {Version: "v2", Hostname: "edge-7", Board: "pc", Mode: "disk", Slot: "b", Trial: true, Tries: 1, Signatures: "unsigned: this image was built without keys, and runs any slot that somebody writes", K3s: "starting: apiserver", Clock: clock.State{Source: "build", Sure: true}, Health: "not good yet: default route: there is none",
			BlackBox: []blackbox.Report{{Slot: "b", Tries: 1, Left: []blackbox.Try{{Try: 1, Step: "stage2 network", State: blackbox.Failed, Error: "not done after 5m0s", Seconds: 310}}}}},
		"user": {Version: "v1", Hostname: "edge-7", Mode: "disk", Slot: "a", Good: true, K3s: "off by config",
			Mounts: []usermount.State{{Path: "/srv/photos", Mounted: true}, {Path: "/srv/films", Reason: "no device with this LABEL yet; it is mounted when it appears"}},
			Commands: []command.State{{Key: "boot_cmd", Log: "boot-cmd", State: command.Failed, Count: 2, Command: 2, Succeeded: 1, Failed: []command.Failure{{Command: 1, How: "exit code 7"}}},
				{Key: "run_cmd", Log: "run-cmd", State: command.Running, Count: 3, Command: 2, Succeeded: 1}}},
	} {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, s.Text())
		golden.Check(t, name+"-json", string(text)+"\n")
	}
}
