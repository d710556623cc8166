package qemu

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseCPUTime(t *testing.T) {
	stat := "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0"
	if got := parseCPUTime([]byte(stat)); got != 3*time.Second {
		t.Errorf("got %s, want 3s", got)
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 50*time.Millisecond; {
	}
	if parseCPUTime([]byte("nonsense")) != 0 || parseCPUTime(own) > time.Hour {
		t.Error("nonsense is no time, and this test is not an hour old")
	}
}

func TestBudgetCountsWork(t *testing.T) {
	busy := exec.Command("sh", "-c", "while :; do :; done")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Process.Kill(); _ = busy.Wait() }()
	vm := &VM{cmd: busy, console: newConsole(nil)}
	ctx, cancel := vm.Budget(context.Background(), 500*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) || !strings.Contains(cause.Error(), "CPU") {
		t.Errorf("got %v", cause)
	}
}
