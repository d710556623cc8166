package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCommandEnvironmentIsClean(t *testing.T) {
	t.Setenv("GOFLAGS", "-race")
	t.Setenv("CGO_CFLAGS", "-O0")
	out, err := Command{Argv: []string{"env"}, Env: []string{"X=1"}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"GOFLAGS=", "CGO_CFLAGS="} {
		if bytes.Contains(out, []byte(bad)) {
			t.Errorf("%s reaches the compiler", bad)
		}
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
