package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// hostile are variables that a host may have set for its own purposes.
var hostile = []string{"GOFLAGS=-race", "CGO_CFLAGS=-O0", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "LD_PRELOAD=", "GIT_DIR=/nonexistent", "MAKEFLAGS=-n",
	"PYTHONPATH=/nonexistent", "GOENV=/nonexistent", "GOEXPERIMENT=none", "TAR_OPTIONS=--nonsense", "CPATH=/nonexistent", "XDG_CONFIG_HOME=/nonexistent"}

// Commands that the user runs keep the user's variables, except those that would change what our tools do.
func TestTame(t *testing.T) {
	got := Tame(append([]string{"PROA_E2E=ci", "TERM=xterm", "PATH=/bin"}, hostile...))
	if text := strings.Join(got, " "); text != "PROA_E2E=ci TERM=xterm PATH=/bin "+strings.Join(fixed, " ") {
		t.Error(text)
	}
}

func TestCommandEnvironmentIsClean(t *testing.T) {
	for _, kv := range hostile {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	t.Setenv("TMPDIR", "tmp")
	out, err := Command{Argv: []string{"env"}, Env: []string{"X=1"}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range hostile {
		if bytes.Contains(out, []byte(bad+"\n")) {
			t.Errorf("%s reaches the compiler", bad)
		}
	}
	if !bytes.Contains(out, []byte("TMPDIR=/")) {
		t.Errorf("a relative TMPDIR leads elsewhere in another directory:\n%s", out)
	}
	if !bytes.Contains(out, []byte("X=1")) || !bytes.Contains(out, []byte("LC_ALL=C")) {
		t.Errorf("environment:\n%s", out)
	}
}

func TestCommandSaysWhatFailed(t *testing.T) {
	_, err := Command{Argv: []string{"sh", "-c", "echo the cause >&2; exit 3"}}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sh: exit status 3\nthe cause") {
		t.Errorf("error %v", err)
	}
}

func TestCommandStopsItsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, err := Command{Argv: []string{"sh", "-c", "sleep 60 & wait"}}.Run(ctx)
	if !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
