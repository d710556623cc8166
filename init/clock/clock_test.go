package clock

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFloor(t *testing.T) {
	built := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "clock")
	if got := Floor(file, built); !got.Equal(built) {
		t.Errorf("never saved: %s", got)
	}
	for _, c := range []struct{ saved, want time.Time }{
		{built.AddDate(0, 3, 0), built.AddDate(0, 3, 0)},
		{built.AddDate(-1, 0, 0), built},
	} {
		if err := Save(os.WriteFile, file, c.saved); err != nil {
			t.Fatal(err)
		}
		if got := Floor(file, built); !got.Equal(c.want) {
			t.Errorf("saved %s: floor %s", c.saved, got)
		}
	}
	os.WriteFile(file, []byte("torn"), 0o644)
	if got := Floor(file, built); !got.Equal(built) {
		t.Errorf("a torn file: %s", got)
	}
}

// TestAsk speaks to a server of its own that is an hour ahead.
func TestAsk(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go serve(c, time.Hour)
	offset, server, err := Ask([]string{"127.0.0.1:1", c.LocalAddr().String()})
	if err != nil || server != c.LocalAddr().String() {
		t.Fatal(server, err)
	}
	if d := offset - time.Hour; d < -time.Second || d > time.Second {
		t.Errorf("offset %s", offset)
	}
	if _, _, err := Ask([]string{"127.0.0.1:1"}); err == nil {
		t.Error("nobody there and no error")
	}
}

func serve(c net.PacketConn, ahead time.Duration) {
	buf := make([]byte, 256)
	n, from, err := c.ReadFrom(buf)
	if err != nil || n < 48 {
		return
	}
	out := make([]byte, 48)
	out[0], out[1], out[3] = 4<<3|4, 2, 0xec // version 4, server, stratum 2
	copy(out[24:32], buf[40:48])
	now := time.Now().Add(ahead)
	for _, at := range []int{16, 32, 40} {
		stamp(out[at:], now)
	}
	c.WriteTo(out, from)
}

func stamp(b []byte, t time.Time) {
	sec := uint64(t.Unix()) + 2208988800
	frac := uint64(t.Nanosecond()) << 32 / 1e9
	for i := range 4 {
		b[i], b[4+i] = byte(sec>>(24-8*i)), byte(frac>>(24-8*i))
	}
}
