package power

import "testing"

func TestHasKey(t *testing.T) {
	for _, c := range []struct {
		bitmap string
		key    int
		want   bool
	}{
		{"10000000000000 0", 116, true}, // an ACPI power button on 64 bits
		{"402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe", 116, true},
		{"70000 0 0 0 0", 116, false}, // a mouse
		{"", 116, false},
		{"zz 0", 116, false},
	} {
		if got := HasKey(c.bitmap, c.key); got != c.want {
			t.Errorf("HasKey(%q, %d) = %t", c.bitmap, c.key, got)
		}
	}
}
