package compare

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTrees(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		for _, f := range []string{"same", "differs-" + dir[len(dir)-1:]} {
			if err := os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "content"), []byte(dir), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Trees(a, b)
	if err != nil || len(got) != 3 || got[0] != "content differs" {
		t.Errorf("%v, %v", got, err)
	}
}
