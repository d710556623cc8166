package pid1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/lastend"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/sys"
)

// blessed marks itself good.
type blessed struct{ counted }

func (b *blessed) Good() error               { return nil }
func (b *blessed) Trial() (bool, int, error) { return false, 0, nil }

// TestAfterGood: only a trial that ended well, with a slot to go back to, is watched; a shutdown is recorded; an end
// without one is told, and costs a slot that no other can replace nothing.
func TestAfterGood(t *testing.T) {
	trial := boot.Trial{Known: true, On: true, Left: 2, Other: slot.Standing{Good: true}}
	for name, c := range map[string]struct {
		trial boot.Trial
		want  bool
	}{"trial": {trial, true}, "no trial": {boot.Trial{Known: true}, false}, "first installation": {boot.Trial{Known: true, On: true, Left: 2}, false}} {
		file := filepath.Join(t.TempDir(), aftergood.File)
		start := func(found boot.Trial) *keeper {
			k, _ := keeping(&blessed{}, status.Status{DefaultRoute: true, NodeReady: true}, 0)
			k.m.Line.Mode, k.m.Line.Slot, k.m.Line.Root.Hash, k.m.Found.Trial, k.m.Found.Disk = images.OnDisk, layout.B, strings.Repeat("ca", 32), found, "no-such-disk"
			k.m.Sys, k.day = &sys.Fake{}, aftergood.Open(file, os.WriteFile, func() time.Duration { return time.Minute })
			return k
		}
		k := start(c.trial)
		lastend.Judge(k.m, k.day, false, "v2", func() {})
		if k.judge(); !k.good {
			t.Fatal("not good")
		}
		var r aftergood.Record
		text, err := os.ReadFile(file)
		if (err == nil) != c.want || err == nil && (json.Unmarshal(text, &r) != nil || r.Slot != layout.B || r.Root != "cacacacacacacaca" || r.Orderly) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if !c.want {
			continue
		}
		if err := k.day.Ended(); err != nil {
			t.Fatal(err)
		}
		found := boot.Trial{Known: true, Other: slot.Standing{}}
		for n := range 5 {
			k = start(found)
			lastend.Judge(k.m, k.day, false, "v2", func() {}) // it returns, because there is no other slot
			ends := 0
			for _, p := range k.gather().Problems {
				ends += strings.Count(p, " UTC")
			}
			if ends != n {
				t.Errorf("start %d: %q", n+1, k.gather().Problems)
			}
			k.lookAfterGood()
		}
		if calls := k.m.Sys.(*sys.Fake).String(); strings.Contains(calls, "restart") {
			t.Errorf("restarted: %s", calls)
		}
	}
}
