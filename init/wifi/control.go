package wifi

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
)

// Timeouts: for wpa_supplicant to open its socket, for an answer, and for the first scan of an adapter, before which
// networks are not reported as out of range.
const (
	openPause  = 200 * time.Millisecond
	answerWait = time.Minute
	firstLook  = 15 * time.Second
)

// watch reports the state of one adapter from wpa_supplicant's events until the context ends.
func watch(ctx context.Context, radio string, c config.Network, say func(ready bool, status string)) {
	for ctx.Err() == nil {
		conn, err := open(radio)
		if err == nil {
			err = attach(ctx, conn, newState(c.WiFi), say)
			conn.Close()
			os.Remove(localSocket(radio))
		}
		if ctx.Err() == nil && !errors.Is(err, os.ErrNotExist) {
			say(false, "no status from wpa_supplicant: "+err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(openPause):
		}
	}
}

func localSocket(radio string) string { return Dir + "/watch-" + radio }

// open connects to wpa_supplicant's control socket. It sends answers to a named socket, so ours has a name.
func open(radio string) (*net.UnixConn, error) {
	remote := filepath.Join(controlDir, radio)
	if _, err := os.Stat(remote); err != nil {
		return nil, err
	}
	_ = os.Remove(localSocket(radio)) // left by an earlier run
	return net.DialUnix("unixgram", &net.UnixAddr{Name: localSocket(radio), Net: "unixgram"}, &net.UnixAddr{Name: remote, Net: "unixgram"})
}

// attach subscribes to events (ATTACH) and then requests the current state, because earlier events are not repeated.
func attach(ctx context.Context, conn *net.UnixConn, s *state, say func(bool, string)) error {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for _, request := range []string{"ATTACH", "STATUS"} {
		if _, err := conn.Write([]byte(request)); err != nil {
			return err
		}
	}
	buf := make([]byte, 4096)
	looked := time.Now().Add(firstLook)
	conn.SetReadDeadline(time.Now().Add(answerWait))
	for heard := false; ; {
		n, err := conn.Read(buf)
		switch {
		case err == nil:
			heard = true
		case !heard || !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		news := s.take(string(buf[:n])) || s.status(string(buf[:n]))
		if news || time.Now().After(looked) {
			say(s.joined >= 0, s.text())
		}
		// a read deadline, because a scan without results sends no event
		conn.SetReadDeadline(time.Now().Add(firstLook))
	}
}

// status parses the answer to STATUS, lines of key=value, and says whether a network is joined.
func (s *state) status(answer string) bool {
	lines := map[string]string{}
	for line := range strings.Lines(answer) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		lines[k] = v
	}
	id, ok := s.id(lines["id"])
	if lines["wpa_state"] != "COMPLETED" || !ok {
		return false
	}
	s.joined = id
	return true
}
