package step

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTimelineFile: what is encoded is read again; a file that is not a timeline is an error with its name.
func TestTimelineFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stage1.json")
	if _, err := Read(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	want := []Result{{List: "stage1", Index: 1, Count: 2, Name: "find-slot", Policy: Rollback, StartMs: 812, TookMs: 41.5, Error: "no disk"},
		{List: "stage1", Index: 2, Count: 2, Name: "sysctls", Policy: Warn, User: []string{"vm.swapiness: no such file"}}}
	if err := os.WriteFile(path, Encode(want), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || err.Error() != path+": unexpected end of JSON input" {
		t.Errorf("a torn file: %v", err)
	}
}
