package meter

import (
	"bytes"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var b bytes.Buffer
	at := time.Unix(0, 0)
	for _, live := range []bool{false, true} {
		m := &Meter{out: &b, live: live, now: func() time.Time { at = at.Add(time.Second); return at }}
		for _, done := range []int64{1, 15, 16, 100} {
			m.Tick("write", done<<20, 100<<20)
		}
		m.End()
	}
	want := "write             15 %  15 of 100 MiB  15.0 MiB/s\n" +
		"write            100 %  100 of 100 MiB  33.3 MiB/s\n" +
		"\rwrite              1 %  1 of 100 MiB\x1b[K\rwrite             15 %  15 of 100 MiB  15.0 MiB/s\x1b[K" +
		"\rwrite             16 %  16 of 100 MiB  8.0 MiB/s\x1b[K\rwrite            100 %  100 of 100 MiB  33.3 MiB/s\x1b[K\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}
