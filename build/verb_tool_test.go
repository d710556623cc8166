package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTakePath: the command itself is looked up in the same PATH as its children.
func TestTakePath(t *testing.T) {
	t.Setenv("PATH", "/nonexistent") // restored at the end
	dir := t.TempDir()
	want := filepath.Join(dir, "judge")
	if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := exec.LookPath("judge")
	if !errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("found before: %v", err)
	}
	if err := takePath([]string{"CC=cc", "PATH=" + dir}); err != nil {
		t.Fatal(err)
	}
	if got, err := exec.LookPath("judge"); err != nil || got != want {
		t.Errorf("found %q, %v", got, err)
	}
}
