// Command timeserver runs two NTP servers (RFC 5905) at 127.0.0.1 and 127.0.0.2. Their time is the Unix time in the
// argument at start, and runs on from there independently of the machine's clock.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "timeserver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, the Unix time")
	}
	at, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	began := time.Now() // its monotonic reading counts
	now := func() time.Time { return time.Unix(at, 0).Add(time.Since(began)) }
	ended := make(chan error)
	for _, addr := range []string{"127.0.0.1:123", "127.0.0.2:123"} {
		go func() { ended <- serve(addr, now) }()
	}
	return <-ended
}

func serve(addr string, now func() time.Time) error {
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	for buf := make([]byte, 256); ; {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		if n >= 48 {
			_, _ = c.WriteTo(answer(buf, now()), from) // the client may be gone
		}
	}
}

// answer returns a reply of version 4, from a server of stratum 2 with a precision of a microsecond.
func answer(question []byte, now time.Time) []byte {
	out := make([]byte, 48)
	out[0], out[1], out[3] = 4<<3|4, 2, 0xec
	copy(out[24:32], question[40:48])
	for _, at := range []int{16, 32, 40} {
		const since1900 = 2208988800
		binary.BigEndian.PutUint32(out[at:], uint32(now.Unix()+since1900))
		binary.BigEndian.PutUint32(out[at+4:], uint32(uint64(now.Nanosecond())<<32/1e9))
	}
	return out
}
