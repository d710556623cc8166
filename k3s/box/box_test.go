package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func sh(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := shell(context.Background(), stdio{strings.NewReader(""), &stdout, &stderr, ""}, args)
	var s exitStatus
	switch {
	case errors.As(err, &s):
		return stdout.String(), int(s)
	case err != nil:
		t.Fatalf("sh %q: %v; %s", args, err, stderr.String())
	}
	return stdout.String(), 0
}

// The scripts of the local-path provisioner, for which box exists.
func TestProvisionerScripts(t *testing.T) {
	dir := t.TempDir()
	volume := filepath.Join(dir, "pvc-1")
	t.Setenv("VOL_DIR", volume)
	for name, text := range map[string]string{
		"setup":    "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n",
		"teardown": "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, status := sh(t, filepath.Join(dir, "setup"), "-p", volume, "-s", "1", "-a", "create"); status != 0 {
		t.Fatalf("setup: status %d", status)
	}
	info, err := os.Stat(volume)
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Fatalf("volume: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(volume, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, status := sh(t, filepath.Join(dir, "teardown")); status != 0 {
		t.Fatalf("teardown: status %d", status)
	}
	if _, err := os.Stat(volume); err == nil {
		t.Error("volume is still there")
	}
}

func TestShell(t *testing.T) {
	for _, c := range []struct {
		args   []string
		out    string
		status int
	}{
		{[]string{"-c", "echo $1-$2", "sh", "a", "b"}, "a-b\n", 0},
		{[]string{"-ec", "false; echo no"}, "", 1},
		{[]string{"-c", "exit 7"}, "", 7},
		{[]string{"-c", "cat /nonexistent || echo caught"}, "caught\n", 0},
		{[]string{"-c", "for i in 1 2; do echo $i; done | cat"}, "1\n2\n", 0},
	} {
		if out, status := sh(t, c.args...); out != c.out || status != c.status {
			t.Errorf("sh %q: %q, status %d; want %q, %d", c.args, out, status, c.out, c.status)
		}
	}
}
