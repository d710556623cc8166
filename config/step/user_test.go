package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestUser: errors of the user's configuration are reported and do not fail the step; if a step has both kinds, the
// others fail it.
func TestUser(t *testing.T) {
	asked := User(errors.Join(errors.New("no module wiregard"), errors.New("no module x")))
	for name, c := range map[string]struct {
		err         error
		policy      Policy
		failed      string
		user        string
		runs, state string
	}{
		"nothing":    {User(nil), Warn, "", "", "1", " ok "},
		"the user's": {asked, Retry, "", "no module wiregard|no module x", "1", " not as configured "},
		"wrapped":    {fmt.Errorf("load: %w", User(errors.New("x"))), Halt, "", "x", "1", " not as configured "},
		"both":       {errors.Join(asked, errors.New("disk")), Warn, "disk", "no module wiregard|no module x", "1", " FAILED (warn) "},
		"own":        {errors.New("disk"), Warn, "disk", "", "1", " FAILED (warn) "},
	} {
		var said []string
		runs := 0
		list := []Step[int]{{"s", func(context.Context, int) error { runs++; return c.err }, c.policy, 0}}
		results, err := Run(t.Context(), runner(&said), list, 0)
		r := results[0]
		if err != nil || r.Error != c.failed || strings.Join(r.User, "|") != c.user || fmt.Sprint(runs) != c.runs || !strings.Contains(said[0], c.state) {
			t.Errorf("%s: %+v, %v, %d runs, %q", name, r, err, runs, said)
		}
	}
}
