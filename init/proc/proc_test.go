package proc

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

var reap = sync.OnceValue(func() *Reaper { return New(context.Background()) })

func TestRun(t *testing.T) {
	out, err := reap().Run(t.Context(), "/bin/sh", "-c", "echo one; echo two >&2; exit 3")
	if out != "one\ntwo\n" || Code(err) != 3 || !strings.HasSuffix(err.Error(), "exit code 3: two") {
		t.Errorf("%q %v", out, err)
	}
	if _, err := reap().Run(t.Context(), "/bin/true"); Code(err) != 0 {
		t.Error(err)
	}
	if _, err := reap().Run(t.Context(), "no-such-tool"); Code(err) != -1 {
		t.Errorf("a missing tool: %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := reap().Run(ctx, "/bin/sleep", "30"); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// TestQuickChildren: a child that exits before Start has registered it is not taken for an orphan.
func TestQuickChildren(t *testing.T) {
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := reap().Run(t.Context(), "/bin/true"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestRunIgnoresHeirs: Run does not wait for a background process that keeps the output open.
func TestRunIgnoresHeirs(t *testing.T) {
	began := time.Now()
	out, err := reap().Run(t.Context(), "/bin/sh", "-c", "sleep 15 & echo done")
	if took := time.Since(began); took > 8*time.Second || out != "done\n" || err != nil {
		t.Errorf("%q %v after %s", out, err, took)
	}
}

// TestSignalled: a program killed by a signal has failed, whatever its exit status.
func TestSignalled(t *testing.T) {
	if _, err := reap().Run(t.Context(), "/bin/sh", "-c", "kill -9 $$"); Code(err) != -1 || err == nil {
		t.Errorf("%v", err)
	}
}

// TestTail: only the end of a long output is kept.
func TestTail(t *testing.T) {
	out, err := reap().Run(t.Context(), "/bin/sh", "-c", "head -c 1000000 /dev/zero; echo; echo end")
	if err != nil || len(out) > 3*maxOutput || !strings.HasSuffix(out, "end\n") {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}
