package clock

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// ntpServer answers each question as spoil leaves the answer; nil: not at all.
func ntpServer(t *testing.T, ahead time.Duration, spoil func(answer []byte)) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if spoil == nil {
		return c.LocalAddr().String()
	}
	go func() {
		buf := make([]byte, 256)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			out := make([]byte, 48)
			out[0], out[1], out[3] = 4<<3|4, 2, 0xec
			copy(out[24:32], buf[40:48])
			for _, at := range []int{16, 32, 40} {
				stamp(out[at:], time.Now().Add(ahead))
			}
			spoil(out)
			c.WriteTo(out, from)
		}
	}()
	return c.LocalAddr().String()
}

// TestBadServers: a server that is out of step itself, sends us away, answers another's question, or is silent sets no clock; the
// next one is asked.
func TestBadServers(t *testing.T) {
	sound := ntpServer(t, -time.Hour, func([]byte) {})
	for name, spoil := range map[string]func([]byte){
		"silent":           nil,
		"not in step":      func(b []byte) { b[0] |= 3 << 6 },
		"kiss of death":    func(b []byte) { b[1] = 0; copy(b[12:], "RATE") },
		"stratum 16":       func(b []byte) { b[1] = 16 },
		"another question": func(b []byte) { b[24] ^= 0xff },
		"a client":         func(b []byte) { b[0] = 4<<3 | 3 },
		"no time":          func(b []byte) { clear(b[40:48]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := ntpServer(t, time.Hour, spoil)
			if offset, _, err := Ask([]string{bad}); err == nil {
				t.Errorf("believed, offset %s", offset)
			} else if !strings.Contains(err.Error(), bad) {
				t.Errorf("the error does not name the server: %v", err)
			}
			offset, server, err := Ask([]string{bad, sound})
			if err != nil || server != sound || offset > -59*time.Minute || offset < -61*time.Minute {
				t.Errorf("%s %s %v", offset, server, err)
			}
		})
	}
}

func TestNoServers(t *testing.T) {
	if _, _, err := Ask(nil); err == nil {
		t.Error("nobody was asked and the clock is right")
	}
}

// TestFollowGoesOn: without an answer it asks again, says so each time, and ends when it is told to. No answer here, since one
// would set the clock of the machine that tests.
func TestFollowGoesOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	asked, said := 0, ""
	ended := make(chan error)
	go func() {
		ended <- Follow(ctx, func() []string { mu.Lock(); defer mu.Unlock(); asked++; return []string{"127.0.0.1:1"} }, func(f string, a ...any) {
			mu.Lock()
			defer mu.Unlock()
			said += fmt.Sprintf(f, a...) + "\n"
		})
	}()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		n := strings.Count(said, "ntp: 127.0.0.1:1: ")
		mu.Unlock()
		if n > 0 {
			break
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil || asked != 1 || strings.Count(said, "\n") != 1 {
			t.Errorf("%v, asked %d, said %q", err, asked, said)
		}
	case <-time.After(10 * time.Second):
		t.Error("does not end")
	}
}

// TestSaveKeeps: a moment is kept to the second and in UTC, whatever zone the caller lives in.
func TestSaveKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clock")
	now := time.Date(2026, 5, 1, 14, 3, 2, 999, time.FixedZone("x", 7200))
	if err := Save(os.WriteFile, file, now); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if string(text) != "2026-05-01T12:03:02Z\n" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if got := Floor(file, time.Time{}); !got.Equal(now.Truncate(time.Second)) {
		t.Errorf("floor %s", got)
	}
}
