package boards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestResolved holds all that a board says, as the build reads it and as release.json in the image has it. UPDATE=1 writes it anew.
func TestResolved(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		got, err := json.MarshalIndent(struct {
			Board
			Emulator string
			Scripts  any
			Config   any
		}{b, b.QEMU, b.Scripts(), b.ConfigTxt()}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", b.Name+".resolved.json")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || string(got)+"\n" != string(want) {
			t.Errorf("%s resolves to\n%s, want\n%s (%v)", b.Name, got, want, err)
		}
	}
}
