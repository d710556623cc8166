package cloudinit

import (
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/foreign/field"
)

// TestEveryKey: testdata/keys.txt are the top-level keys of cloud-init 26. Each is in the table, and of a key in the table
// it is known what becomes of it.
func TestEveryKey(t *testing.T) {
	list, err := os.ReadFile("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(list))
	if len(names) < 90 {
		t.Fatalf("%d keys", len(names))
	}
	for _, name := range names {
		if !Knows(name) {
			t.Errorf("%s is not in the table", name)
		}
	}
	seen := map[string]bool{}
	for _, k := range keys {
		ways := 0
		for _, way := range []bool{k.read != nil, k.with != "", k.note != ""} {
			if way {
				ways++
			}
		}
		if ways != 1 || seen[k.name] || field.Normal(k.name) != k.name || k.with != "" && !Knows(k.with) {
			t.Errorf("%s: want one of read, with and note, once: %+v", k.name, k)
		}
		seen[k.name] = true
	}
}
