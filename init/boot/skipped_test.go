package boot

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
)

// TestSkippedIsTold: a good slot that the boot loader could not load is reported as a fallback until that slot is
// written again.
func TestSkippedIsTold(t *testing.T) {
	m, _ := machine(t, nil)
	m.Line.Slot, m.Found.Trial = "b", Trial{Known: true, Other: slot.Standing{Good: true, Skipped: true}}
	m.ReadBox(layout.Shared)
	if len(m.Reports) != 1 || !strings.Contains(m.Reports[0].String(), "slot a could not be loaded by the boot loader") {
		t.Errorf("%v", m.Reports)
	}
	m.ReadBox(layout.A)
	if len(m.Reports) != 0 {
		t.Errorf("renewed: %v", m.Reports)
	}
}
