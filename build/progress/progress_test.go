package progress

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func display(live bool) (*Display, *bytes.Buffer, *time.Time) {
	var b bytes.Buffer
	now := time.Unix(1000, 0)
	return &Display{out: &b, live: live, now: func() time.Time { return now }}, &b, &now
}

func TestPlainOutputIsOneLinePerEvent(t *testing.T) {
	d, b, _ := display(false)
	d.Start("kernel", []string{"a", "b", "c", "d"})
	d.Progress("kernel", 1, 2)
	d.Done("kernel", 1500*time.Millisecond, nil)
	d.Start("root", nil)
	d.Done("root", 2*time.Minute+3*time.Second, errors.New("x"))
	want := "  kernel                 a; b; and 2 more\n" +
		"✓ kernel                 1.5s\n" +
		"  root                   \n" +
		"✗ root                   2m03s\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

func TestTerminalShowsElapsedTimeAndBar(t *testing.T) {
	d, b, now := display(true)
	d.Start("kernel", nil)
	d.Progress("kernel", 3<<20, 4<<20)
	*now = now.Add(61 * time.Second)
	b.Reset()
	d.print("")
	got := b.String()
	for _, want := range []string{"\x1b[1A\x1b[J", "1m01s", strings.Repeat("█", 18) + strings.Repeat("·", 6), "3.0 MiB / 4.0 MiB"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	d.Done("kernel", time.Second, nil)
	if d.tall != 0 {
		t.Errorf("%d live lines left after the last step", d.tall)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}
