package upgrade_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// TestSwap: which way the trial begins. The journal has it before PID 1 is asked, since this program is ended on the way;
// what cannot be swapped is restarted, and the reason is kept.
func TestSwap(t *testing.T) {
	for name, c := range map[string]struct {
		wanted bool
		no     error
		boots  int
		way    journal.Way
	}{
		"not wanted":   {false, nil, 1, journal.ByRestart},
		"possible":     {true, nil, 0, journal.BySwap},
		"not possible": {true, errors.New("no soft swap: the kernel is another one"), 1, journal.ByRestart},
	} {
		t.Run(name, func(t *testing.T) {
			d := flashed(t)
			s := serve(t, map[string][]byte{"/proa-pc.slot": slotFile(t, "pc", "v2")}, nil)
			e, err := d.engine(t, t.Context(), s.URL+"/proa-pc.slot", upgrade.Options{Until: upgrade.Apply, Reboot: true})
			must(t, err)
			if c.wanted {
				e.Swap = func(func(string)) error {
					if on := d.last(t); on.Way != journal.BySwap || on.State != journal.Trying {
						t.Errorf("when PID 1 is asked the journal has %+v", on)
					}
					return c.no
				}
			}
			out, err := e.Run(t.Context())
			must(t, err)
			why := ""
			if c.no != nil {
				why = c.no.Error()
			}
			if got := d.last(t); d.boots != c.boots || got.Way != c.way || got.NoSwap != why || out.Way != c.way || out.NoSwap != why {
				t.Errorf("%d restarts, %+v, %+v", d.boots, got, out)
			}
			if said := strings.Join(d.said, "\n"); strings.Contains(said, "the machine is restarted instead") != (c.no != nil) {
				t.Errorf("said %s", said)
			}
		})
	}
}
