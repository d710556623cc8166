package slot

import (
	"testing"

	"github.com/proa-os/proa/images/layout"
)

// TestStanding: the boot state of the other slot on every chain, after a trial that fails and one that succeeds.
func TestStanding(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		check := func(when string, current layout.Slot, want Standing) {
			t.Helper()
			if got, err := c.open(t, dir, current).Standing(); err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", when, got, err, want)
			}
		}
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.A).Good())
		must(t, c.open(t, dir, layout.A).Try())
		for range 3 {
			check("before a try", layout.A, Standing{})
			c.boot(t, c, dir)
			check("on trial", layout.B, Standing{Good: true})
		}
		c.boot(t, c, dir)
		check("given up", layout.A, Standing{GivenUp: true, Tries: 3})
		must(t, c.open(t, dir, layout.A).Try())
		c.boot(t, c, dir)
		must(t, c.open(t, dir, layout.B).Good())
		check("both good", layout.B, Standing{Good: c.inEntries()}) // boot scripts have one good slot, systemd-boot two
	})
}

// TestStandingOfNothing: an empty slot, or one whose state cannot be read, is no fallback.
func TestStandingOfNothing(t *testing.T) {
	for _, c := range pairs() {
		dir := t.TempDir()
		c.fresh(t, dir)
		c.boot(t, c, dir)
		if got, err := c.open(t, dir, layout.A).Standing(); err != nil || got != (Standing{}) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if _, err := c.open(t, t.TempDir(), layout.A).Standing(); err == nil {
			t.Errorf("%s: no files and no error", c.name)
		}
	}
	dir := t.TempDir()
	freshSdboot(t, dir)
	s := sdbootSlots{Boot{Dir: dir}, layout.A}
	must(t, s.move("proa-b.conf", "gone.conf"))
	if got, err := s.Standing(); err != nil || got != (Standing{}) {
		t.Errorf("no entry: %+v, %v", got, err)
	}
	if _, err := (sdbootSlots{Boot{Dir: t.TempDir()}, layout.A}).Standing(); err == nil {
		t.Error("systemd-boot: no files and no error")
	}
}
