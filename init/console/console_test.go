package console

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pipe is a terminal that a test can read, or leave blocked.
func pipe(t *testing.T) (rd *os.File, c *Console) {
	t.Helper()
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rd.Close(); wr.Close() })
	return rd, &Console{sinks: []sink{start(wr)}}
}

// TestLines: one call writes one record; further lines of a text are indented, so that each "proa:" begins a record.
func TestLines(t *testing.T) {
	rd, c := pipe(t)
	kmsg, err := os.Create(filepath.Join(t.TempDir(), "kmsg"))
	if err != nil {
		t.Fatal(err)
	}
	c.kmsg = kmsg
	c.Logf("boot %d/%d %s\n", 3, 17, "load-modules")
	c.Logf("panic: x\nat y")
	c.Flush()
	in := bufio.NewReader(rd)
	for _, want := range []string{"proa: boot 3/17 load-modules\r\n", "proa: panic: x\n", "    at y\r\n"} {
		if got, err := in.ReadString('\n'); got != want || err != nil {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	text, err := os.ReadFile(kmsg.Name())
	if want := "<7>proa: boot 3/17 load-modules\n<7>proa: panic: x\n    at y\n"; string(text) != want || err != nil {
		t.Errorf("kernel log %q %v, want %q", text, err, want)
	}
}

// TestStoppedTerminal: with a terminal stopped by ctrl-S PID 1 continues, drops lines when the queue is full, and does
// not wait long at the end.
func TestStoppedTerminal(t *testing.T) {
	_, c := pipe(t)
	done := make(chan time.Duration)
	go func() {
		line := strings.Repeat("x", 1000)
		for range 5000 {
			c.Logf("%s", line)
		}
		began := time.Now()
		c.Flush()
		done <- time.Since(began)
	}()
	select {
	case took := <-done:
		if took > 3*time.Second {
			t.Errorf("Flush waited %s for a terminal that is stopped", took)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a stopped terminal stops PID 1")
	}
}

// TestGoneTerminal: a terminal that was unplugged loses its lines, and others still get theirs.
func TestGoneTerminal(t *testing.T) {
	gone, c := pipe(t)
	gone.Close()
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	defer wr.Close()
	c.sinks = append(c.sinks, start(wr))
	c.Logf("still here")
	if got, err := bufio.NewReader(rd).ReadString('\n'); got != "proa: still here\r\n" {
		t.Errorf("%q %v", got, err)
	}
}

// TestNoTerminal: before /dev is mounted there is none.
func TestNoTerminal(t *testing.T) {
	c := &Console{}
	c.Logf("nobody hears")
	c.Flush()
}
