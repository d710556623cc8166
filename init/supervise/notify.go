package supervise

import (
	"net"
	"os"
	"path/filepath"
	"strings"
)

func (r *run) socket() string { return filepath.Join(r.sup.RunDir, r.s.Name+".notify") }

// listen opens a fresh socket for each run, so that words of an earlier life are not heard.
func (r *run) listen() (*net.UnixConn, error) {
	if err := os.MkdirAll(r.sup.RunDir, 0o755); err != nil {
		return nil, err
	}
	_ = os.Remove(r.socket()) // usually not there
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.socket(), Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(r.socket(), 0o600); err != nil {
		c.Close()
		return nil, err
	}
	go r.hear(c)
	return c, nil
}

func (r *run) hear(c *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		ready, status, said := ParseNotify(string(buf[:n]))
		r.set(func(s *State) {
			if ready {
				s.State = "ready"
			}
			if said {
				s.Status = status
			}
		})
	}
}

// ParseNotify reads the sd_notify lines that proa knows: READY=1 and STATUS=text.
func ParseNotify(msg string) (ready bool, status string, said bool) {
	for _, line := range strings.Split(msg, "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "READY":
			ready = value == "1"
		case "STATUS":
			status, said = strings.TrimSpace(value), true
		}
	}
	return ready, status, said
}
