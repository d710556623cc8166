package schema

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config"
)

// TestFilesAreFresh fails when a struct of the schema was changed and `go run ./config/gendoc` was not run.
func TestFilesAreFresh(t *testing.T) {
	files, err := Generate("..")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(have)); d != "" {
			t.Errorf("%s is stale; go run ./config/gendoc writes it anew:\n%s", name, d)
		}
	}
}

func TestExampleIsSound(t *testing.T) {
	files, err := Generate("..")
	if err != nil {
		t.Fatal(err)
	}
	c, problems := config.Parse("example.yaml", files["example.yaml"])
	for _, p := range problems {
		t.Error(p)
	}
	if c.Network.Interfaces["eth0"].Gateway != "192.168.1.1" || len(c.WriteFiles) != 1 {
		t.Errorf("the example lost something: %+v", c)
	}
}
