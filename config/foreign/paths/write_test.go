package paths

import (
	"slices"
	"strconv"
	"testing"
)

// TestModesAreTold: the number of a usual mode in decimal is no usual mode in octal, so that both can be told apart.
func TestModesAreTold(t *testing.T) {
	for _, m := range usualModes {
		if octal, err := strconv.ParseInt(strconv.Itoa(m), 8, 32); err == nil && slices.Contains(usualModes, int(octal)) {
			t.Errorf("%d is %#o, and in octal a usual mode too", m, m)
		}
	}
}
