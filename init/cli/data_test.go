package cli

import (
	"errors"
	"strings"
	"testing"
)

// TestDataErase: nothing is erased without --yes, and an error of the disk reaches the user.
func TestDataErase(t *testing.T) {
	for _, c := range []struct {
		args   string
		fail   error
		code   int
		erased int
		want   string
	}{
		{"data erase", nil, 1, 0, "add --yes"},
		{"data erase --yes now", nil, 1, 0, `unexpected argument "now"`},
		{"data erase --yes", nil, 0, 1, "is formatted at the next boot"},
		{"data erase --yes", errors.New("no data partition"), 1, 1, "data erase: no data partition"},
	} {
		e, erased := device(t), 0
		e.EraseData = func() error { erased++; return c.fail }
		code, out, errs := run(e, strings.Fields(c.args)...)
		if code != c.code || erased != c.erased || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit %d, erased %d times, %s%s", c.args, code, erased, out, errs)
		}
	}
}
