package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
)

// TestBootsOnTrial: the first boot uses the configuration on trial and counts itself before; the next one, one after the
// time, and one that cannot be counted use the old one.
func TestBootsOnTrial(t *testing.T) {
	for name, c := range map[string]struct {
		boots  int
		age    time.Duration
		broken bool
		damage string
		want   string
		says   string
	}{
		"first":             {0, 0, false, "", "new", ""},
		"second":            {1, 0, false, "", "old", "restarted again before it was confirmed"},
		"late":              {0, time.Hour, false, "", "old", "nobody confirmed it within 10m0s"},
		"cannot be counted": {0, 0, true, "", "old", "could not be counted"},
		"damaged":           {0, 0, false, "{", "old", "is damaged"},
	} {
		m, f := machine(t, map[string]string{"boot/config.yaml": "hostname: old\n"})
		dir := m.Path(BootDir)
		p := bootfile.Place{Dir: dir, Flush: func(string) error { return nil }}
		trial := confirm.New([]byte("hostname: new\n"), 10*time.Minute, confirm.Holds{}, time.Now().Add(-c.age))
		trial.Boots = c.boots
		if err := confirm.Save(p, trial); err != nil {
			t.Fatal(err)
		}
		if c.damage != "" {
			if err := os.WriteFile(filepath.Join(dir, confirm.File), []byte(c.damage), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if c.broken {
			p.Change = func(func() error) error { return errors.New("the card is write-protected") }
		}
		m.Place = func() (bootfile.Place, error) { return p, nil }
		calls(t, m, f, "read-config")
		said := ""
		for _, p := range m.Problems {
			said += p.String() + "\n"
		}
		if m.Config.Hostname != c.want || !strings.Contains(said, c.says) || (said == "") != (c.says == "") {
			t.Errorf("%s: %q, %s", name, m.Config.Hostname, said)
		}
		left, _ := confirm.Load(dir)
		if c.want == "new" && (left == nil || left.Boots != 1 || m.InForce.Trial == nil) || c.want == "old" && m.InForce.Trial != nil {
			t.Errorf("%s: %+v", name, left)
		}
	}
}
