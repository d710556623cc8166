package proc

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

func TestPipe(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	sh := func(text string) []string { return []string{"/bin/sh", "-c", text} }
	out, err := reap().Pipe(t.Context(), nil, sh("cat; echo $A"), []string{"A=b", "PATH=/usr/bin:/bin"}, []byte("in\n"), 100)
	if string(out) != "in\nb\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := reap().Pipe(t.Context(), nil, sh("while :; do echo more; done"), nil, nil, 1000); !errors.Is(err, ErrLong) {
		t.Errorf("endless output: %v", err)
	}
	if _, err := reap().Pipe(t.Context(), nil, sh("exit 3"), nil, make([]byte, 1<<20), 1000); Code(err) != 3 {
		t.Errorf("a program that does not read: %v", err)
	}
	if _, err := reap().Pipe(ctx, nil, []string{"/bin/sleep", "60"}, nil, nil, 1000); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a program that hangs: %v", err)
	}
	if syscall.Getuid() != 0 {
		return
	}
	if out, err := reap().Pipe(t.Context(), &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, []string{"/usr/bin/id", "-u"}, nil, nil, 100); string(out) != "65534\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
