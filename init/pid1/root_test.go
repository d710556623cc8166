package pid1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
)

// TestDamagedRoot: a corrupt block in the running root ends a trial; without a fallback it is reported once.
func TestDamagedRoot(t *testing.T) {
	trial := boot.Trial{Known: true, On: true, Left: 1, Other: slot.Standing{Good: true}}
	for name, c := range map[string]struct {
		mode   string
		trial  boot.Trial
		bad    bool
		err    error
		ended  string
		damage string
	}{
		"sound":          {"disk", trial, false, nil, "", ""},
		"cannot tell":    {"disk", trial, true, errors.New("device-mapper: no such file"), "", ""},
		"live":           {"live", boot.Trial{}, true, nil, "", ""},
		"trial":          {"disk", trial, true, nil, "root of slot a is damaged: dm-verity: a block does not match its hash; restarting, reboot", "root of slot a is damaged"},
		"no other slots": {"disk", boot.Trial{Known: true}, true, nil, "", "; write the other slot (proa slot write), or flash the disk again"},
	} {
		k, ended := keeping(nil, status.Status{}, 0)
		k.m.Line.Mode, k.m.Line.Slot, k.m.Found.Trial, k.m.Found.Disk = c.mode, "a", c.trial, "no-such-disk"
		k.corrupt = func() (bool, error) { return c.bad, c.err }
		for range 2 {
			k.checkRoot()
		}
		if got := strings.Join(*ended, "|"); got != c.ended || !strings.Contains(k.damage, c.damage) || (c.damage == "") != (k.damage == "") {
			t.Errorf("%s: ended %q, damage %q", name, got, k.damage)
		}
		if k.damage != "" && len(k.gather().Problems) != 1 {
			t.Errorf("%s: the status does not say so", name)
		}
	}
	k, _ := keeping(nil, status.Status{}, 0)
	k.m.Line.Mode = "disk"
	k.corrupt = func() (bool, error) { return true, nil }
	k.lock = func(time.Duration) (io.Closer, error) { return nil, slot.ErrBusy }
	if k.checkRoot(); k.damage != "" {
		t.Errorf("a verb runs: %q", k.damage)
	}
}
