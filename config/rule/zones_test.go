package rule

import (
	"strings"
	"testing"
	"time"
)

// TestZones: Go's own database, which is of another release, has nearly all the names.
func TestZones(t *testing.T) {
	missing := 0
	for _, z := range Zones() {
		if _, err := time.LoadLocation(z); err != nil {
			missing++
		}
	}
	if len(Zones()) < 500 || missing > 10 {
		t.Errorf("%d zones, of which Go does not know %d", len(Zones()), missing)
	}
	for given, want := range map[string]string{"europe/berlin": "Europe/Berlin", "America/New York": "America/New_York", "utc": "UTC", "Mars/Olympus": "Mars/Olympus"} {
		if got := zoneName(given); got != want {
			t.Errorf("%s: %s", given, got)
		}
	}
	if got := timezone("Europe/Berlim"); !strings.HasSuffix(got, "did you mean Europe/Berlin?") {
		t.Error(got)
	}
	if got := timezone("../../etc/passwd"); got == "" || strings.Contains(got, "passwd") {
		t.Error(got)
	}
}
