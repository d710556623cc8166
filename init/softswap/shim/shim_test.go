package shim

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestFirst(t *testing.T) {
	if got := First([]string{"A=PATH=b", "PATH=/usr/sbin:/usr/bin"}); got[0] != "A=PATH=b" || got[1] != "PATH=/run/proa/shim:/usr/sbin:/usr/bin" || len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestPlace: the copy can be run, is replaced while it runs, and a program that cannot be copied leaves the one before.
func TestPlace(t *testing.T) {
	root := t.TempDir()
	source, to := filepath.Join(root, Source), filepath.Join(root, Dir, Name)
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sleep)
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(source), 0o755), os.WriteFile(source, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := Place(root); err != nil {
		t.Fatal(err)
	}
	running := exec.Command(to, "60")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { running.Process.Kill(); running.Wait() }()
	if err := os.WriteFile(source, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Place(root); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(to); err != nil || string(now) != "another" || running.ProcessState != nil {
		t.Errorf("%q, %v", now, err)
	}
	os.Remove(source)
	if err := Place(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a program: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(root, Dir, "*")); len(left) != 1 || left[0] != to {
		t.Errorf("left %v", left)
	}
}
