package deliver

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFileIsCopiedOnce(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "img"), filepath.Join(t.TempDir(), "img")
	read := func() string {
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	deliver := func() {
		if err := File(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(from, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	deliver()
	first, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	deliver()
	if again, err := os.Stat(to); err != nil || !os.SameFile(first, again) {
		t.Error("an unchanged image was copied again")
	}
	if err := os.WriteFile(to, []byte("edited by hand"), 0o644); err != nil {
		t.Fatal(err)
	}
	deliver()
	if got := read(); got != "one" {
		t.Errorf("a changed file in out/ stayed: %q", got)
	}
}
