package softswap

import (
	"os"
	"path/filepath"
	"testing"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/slot"
)

// TestGiveBack: after a failed trial by soft swap the boot loader starts the slot from before, although it has counted no
// try, and the report names the step.
func TestGiveBack(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, grubenv.Dir), 0o755))
	for i := range 2 {
		must(t, os.WriteFile(filepath.Join(dir, grubenv.Dir, grubenv.File(i)), grubenv.Encode(bootstate.State{Good: layout.A}.StartTrial(layout.B)), 0o600))
	}
	slots, err := slot.Find(slot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: dir}, layout.B)
	must(t, err)
	file := filepath.Join(dir, box.File)
	must(t, os.WriteFile(file, box.New(), 0o600))
	place := blackbox.Place{Device: file}
	for i := range box.Sectors {
		place.At = append(place.At, int64(i*layout.Sector))
	}
	if _, err := place.Read(); err != nil {
		t.Skipf("no direct access: %v", err)
	}
	_, err = place.Put(box.Record{Slot: layout.B, Try: 1, State: box.Failed, Step: "health: node Ready", Error: "no CNI"})
	must(t, err, giveBack(slots, &place, 1))
	if on, _, err := slots.Trial(); on || err != nil {
		t.Errorf("still on trial, %v", err)
	}
	if other, err := slots.Standing(); !other.Good || err != nil {
		t.Errorf("the slot from before: %+v, %v", other, err)
	}
	raw, err := place.Read()
	must(t, err)
	const want = "slot b was given up after 1 try; it reached: health: node Ready (failed: no CNI)"
	if got := box.Parse(raw).Report(layout.B).String(); got != want {
		t.Errorf("%s", got)
	}
	must(t, os.WriteFile(filepath.Join(dir, grubenv.Dir, grubenv.File(0)), nil, 0o600), os.WriteFile(filepath.Join(dir, grubenv.Dir, grubenv.File(1)), nil, 0o600))
	if giveBack(slots, nil, 1) == nil {
		t.Error("a boot state that cannot be read was given back")
	}
}
