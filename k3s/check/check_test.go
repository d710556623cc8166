package check

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProbes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "filesystems")
	if err := os.WriteFile(file, []byte("nodev\toverlay\n\text4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nft"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for name, c := range map[string]struct {
		probe func() error
		found bool
	}{
		"word":            {inFile(file, "overlay"), true},
		"part of a word":  {inFile(file, "over"), false},
		"no such list":    {inFile(file+"x", "overlay"), false},
		"file":            {files(file), true},
		"one of two gone": {files(file, file+"x"), false},
		"program":         {program("nft"), true},
		"no program":      {program("crun"), false},
		"no module":       {module("no_such_module"), false},
		"no controller":   {controllers("no-such-controller"), false},
	} {
		if err := c.probe(); (err == nil) != c.found {
			t.Errorf("%s: %v", name, err)
		}
	}
}
