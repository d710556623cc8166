package settle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// TestRecord: PID 1 completes the record from the root that runs and the black box.
func TestRecord(t *testing.T) {
	now, old := strings.Repeat("b", 64), strings.Repeat("a", 64)
	for _, test := range []struct {
		running string
		good    bool
		want    journal.Result
	}{{now, false, ""}, {now, true, journal.Succeeded}, {old, false, journal.RolledBack}} {
		m := &boot.Machine{Root: t.TempDir(), Logf: t.Logf}
		m.Line = cmdline.Line{Mode: "disk", Slot: layout.A, Root: verity.Root{Hash: test.running}}
		m.Reports = []blackbox.Report{{Slot: layout.B, GivenUp: true, Tries: 3}}
		file := filepath.Join(m.Root, journal.File)
		err := journal.Update(file, func(j *journal.Journal) bool {
			id := j.Begin(journal.Entry{To: journal.Release{Version: "v2", Root: journal.ShortRoot(now)}, Began: time.Now()})
			j.Get(id).State = journal.Trying
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		Record(m, test.good)
		j, err := journal.Read(file)
		if err != nil || j.Entries[0].Result != test.want {
			t.Errorf("%+v: %+v %v", test, j.Entries, err)
		}
		if test.want == journal.RolledBack && !strings.Contains(j.Entries[0].Reason, "given up after 3 tries") {
			t.Errorf("%q", j.Entries[0].Reason)
		}
		if test.want == journal.Succeeded {
			GaveUp(m, "v2", "the watchdog reset the machine")
			j, err := journal.Read(file)
			if e := j.Entries[0]; err != nil || e.Result != journal.RolledBack || e.Reason != "the watchdog reset the machine" || j.GaveUp(journal.Release{Version: "v2"}) == nil {
				t.Errorf("given up: %+v %v", j, err)
			}
		}
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
}
