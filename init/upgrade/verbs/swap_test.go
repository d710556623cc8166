package verbs

import (
	"testing"
	"time"

	"github.com/proa-os/proa/config"
)

// TestSwapPermitted: when upgrade.swap permits a soft swap. By a clock that is not sure nothing is within a window.
func TestSwapPermitted(t *testing.T) {
	in, out := time.Date(2026, 11, 7, 3, 0, 0, 0, time.UTC), time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	nightly := config.Window{Start: "02:00", Length: "4h", Timezone: "UTC"}
	for _, c := range []struct {
		swap   string
		window config.Window
		now    time.Time
		sure   bool
		want   bool
	}{
		{"", nightly, in, true, false},
		{"never", nightly, in, true, false},
		{"always", nightly, out, false, true},
		{"window", nightly, in, true, true},
		{"window", nightly, in, false, false},
		{"window", nightly, out, true, false},
		{"window", config.Window{}, out, false, true},
	} {
		e := Env{Config: config.Default(), Swap: func(func(string)) error { return nil }}
		e.Config.Upgrade.Swap, e.Config.Upgrade.Window = c.swap, c.window
		if got := e.swap(c.now, c.sure) != nil; got != c.want {
			t.Errorf("%+v: permitted %t", c, got)
		}
	}
}
