package qemu

import "testing"

// TestKeys: every character that a test of the installer types has keys, by the names that QEMU knows.
func TestKeys(t *testing.T) {
	for r, want := range map[rune]string{'a': "a", 'Q': "shift q", '7': "7", '\n': "ret", ':': "shift semicolon", 'ä': "", '\t': ""} {
		if got := keysOf(r); got != want {
			t.Errorf("%q: %q, want %q", r, got, want)
		}
	}
}
