package passed

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKeep: something is news once, until it is something else; another source has no say in it.
func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "upgrade")
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		version, why, source, runs string
		news                       bool
		then                       string
	}{
		{"", "", "a", "v1", false, ""},
		{"v3", "layout", "a", "v1", true, "v3"},
		{"v3", "layout", "a", "v1", false, "v3"},
		{"", "", "b", "v1", false, "v3"},
		{"v3", "another", "a", "v1", true, "v3"},
		{"v3", "another", "a", "v2", true, "v3"},
		{"v4", "another", "a", "v2", true, "v4"},
		{"", "", "a", "v2", false, ""},
		{"v4", "another", "a", "v2", true, "v4"},
	} {
		before, _ := os.Stat(filepath.Join(dir, name))
		news, err := Keep(dir, Record{Release{c.version, c.why}, c.source, c.runs, at})
		got := ""
		if r := Read(dir); r != nil {
			got = r.Version
		}
		if err != nil || news != c.news || got != c.then {
			t.Errorf("%d: news %t, then %q: %v", i, news, got, err)
		}
		if after, _ := os.Stat(filepath.Join(dir, name)); !news && got != "" && !os.SameFile(before, after) {
			t.Errorf("%d: it was written again", i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil || Read(dir) != nil {
		t.Errorf("a torn file: %v", err)
	}
	if _, err := Keep(filepath.Join(dir, name), Record{Release: Release{"v1", "x"}}); err == nil {
		t.Error("a directory that cannot be made")
	}
}
