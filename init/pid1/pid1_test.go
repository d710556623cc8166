package pid1

import (
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

func TestSignals(t *testing.T) {
	for s, want := range map[os.Signal]shutdown.End{
		unix.SIGINT: shutdown.Reboot, unix.SIGTERM: shutdown.Reboot, unix.SIGUSR1: shutdown.PowerOff, unix.SIGUSR2: shutdown.PowerOff,
	} {
		if got := wants(s); got != want {
			t.Errorf("%v: %s", s, got)
		}
	}
}

func TestFailedSteps(t *testing.T) {
	got := failed([]step.Result{{Name: "mounts"}, {Name: "network", Error: "no interface eth7"}})
	if len(got) != 1 || got[0].String() != "network: no interface eth7" {
		t.Errorf("%q", got)
	}
}

func TestK3sLine(t *testing.T) {
	for want, s := range map[string]supervise.State{
		"ready: node Ready": {State: "ready", Status: "node Ready", LastExit: "signal SIGKILL", Facts: supervise.Facts{NodeReady: true}},
		"ready: manifests: applied (node not Ready: KubeletNotReady)":            {State: "ready", Status: "manifests: applied", Facts: supervise.Facts{NodeReason: "KubeletNotReady"}},
		"starting: apiserver: starting (last run: exit code 1: kine: disk full)": {State: "starting", Status: "apiserver: starting", LastExit: "exit code 1: kine: disk full"},
		"restarting (last run: exit code 1: agent: no route to host)":            {State: "restarting", LastExit: "exit code 1: agent: no route to host", Facts: supervise.Facts{Failed: "agent: no route to host"}},
	} {
		if got := k3sLine(s); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := k3sLine(supervise.State{State: "restarting", LastExit: "exit code 2"}); !strings.HasPrefix(got, "restarting (last run: exit code 2): ") {
		t.Errorf("%q", got)
	}
}
