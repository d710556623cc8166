package clock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// built is the build date in the tests: so long ago that the clock may be four years ahead.
func built() time.Time { return time.Now().Add(-4*year - 24*time.Hour) }

// server answers with the real time plus ahead, modified by spoil; nil: no answer. asked counts the queries.
type server struct {
	addr  string
	mu    sync.Mutex
	asked int
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func serve(t *testing.T, ahead time.Duration, spoil func(answer []byte)) *server {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := &server{addr: c.LocalAddr().String()}
	go func() {
		buf := make([]byte, 256)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.asked++
			s.mu.Unlock()
			if n < 48 || spoil == nil {
				continue
			}
			out := make([]byte, 48)
			out[0], out[1], out[3] = 4<<3|4, 2, 0xec // version 4, server, stratum 2
			copy(out[24:32], buf[40:48])
			for _, at := range []int{16, 32, 40} {
				stamp(out[at:], time.Now().Add(ahead))
			}
			spoil(out)
			c.WriteTo(out, from)
		}
	}()
	return s
}

func stamp(b []byte, t time.Time) {
	sec := uint64(t.Unix()) + 2208988800
	frac := uint64(t.Nanosecond()) << 32 / 1e9
	for i := range 4 {
		b[i], b[4+i] = byte(sec>>(24-8*i)), byte(frac>>(24-8*i))
	}
}

func sound([]byte) {}

func in1990(b []byte) {
	for _, at := range []int{16, 32, 40} {
		stamp(b[at:], time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))
	}
}

const year = 365 * 24 * time.Hour

// bad are servers that must be ignored.
var bad = map[string]func([]byte){
	"silent":           nil,
	"not in step":      func(b []byte) { b[0] |= 3 << 6 },
	"kiss of death":    func(b []byte) { b[1] = 0; copy(b[12:], "RATE") },
	"stratum 16":       func(b []byte) { b[1] = 16 },
	"another question": func(b []byte) { b[24] ^= 0xff },
	"a client":         func(b []byte) { b[0] = 4<<3 | 3 },
	"no time":          func(b []byte) { clear(b[40:48]) },
	"1990":             in1990,
	"knows it roughly": func(b []byte) { b[9] = 9 }, // root dispersion 9 s
}

// TestBadServers: none of them sets the clock, alone or beside a good one, and each is reported with its reason.
func TestBadServers(t *testing.T) {
	good := serve(t, -time.Hour, sound).addr
	for name, spoil := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, time.Hour, spoil).addr
			if v, err := agree(ask(t.Context(), []string{s}, built())); err == nil {
				t.Errorf("believed, offset %s", v.Offset)
			} else if !strings.Contains(err.Error(), s) {
				t.Errorf("the error does not name the server: %v", err)
			}
			v, err := agree(ask(t.Context(), []string{s, good}, built()))
			if err != nil || !cmp.Equal(v.Servers, []string{good}) || v.Offset > -59*time.Minute || v.Offset < -61*time.Minute || len(v.Left) != 1 {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestServers(t *testing.T) {
	for want, c := range map[string][2][]string{"a": {{"a"}, {"b"}}, "b 0.pool.ntp.org": {nil, {"b"}}, "0.pool.ntp.org 1.pool.ntp.org": {nil, nil}} {
		if got := strings.Join(Servers(c[0], c[1]), " "); !strings.HasPrefix(got, want) || (c[0] != nil && got != want) {
			t.Errorf("%v: %s", c, got)
		}
	}
}

func TestAgree(t *testing.T) {
	at := func(name string, off, radius time.Duration) answer {
		return answer{Server: name, Offset: off, Radius: radius}
	}
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		answers []answer
		offset  time.Duration
		servers string // empty: no agreement
	}{
		"nobody asked":          {nil, 0, ""},
		"one":                   {[]answer{at("a", 5*ms, 10*ms)}, 5 * ms, "a"},
		"two agree":             {[]answer{at("a", 50*ms, 100*ms), at("b", 5*ms, 10*ms)}, 5 * ms, "a b"},
		"two disagree":          {[]answer{at("a", 0, 100*ms), at("b", 4*year, 100*ms)}, 0, ""},
		"one of three lies":     {[]answer{at("a", 4*year, 100*ms), at("b", 2*ms, 9*ms), at("c", 3*ms, 20*ms)}, 2 * ms, "b c"},
		"two and two":           {[]answer{at("a", 0, 9*ms), at("b", 0, 9*ms), at("c", year, 9*ms), at("d", year, 9*ms)}, 0, ""},
		"two of four":           {[]answer{at("a", 0, 9*ms), at("b", 0, 9*ms), at("c", year, 9*ms), at("d", -year, 9*ms)}, 0, ""},
		"three of five":         {[]answer{at("a", 0, 9*ms), at("b", ms, 5*ms), at("c", year, 9*ms), at("d", -year, 9*ms), at("e", 2*ms, 9*ms)}, ms, "a b e"},
		"a chain has no middle": {[]answer{at("a", 0, 10*ms), at("b", 15*ms, 10*ms), at("c", 30*ms, 10*ms)}, 0, "a b"},
	} {
		v, err := agree(c.answers)
		if got := strings.Join(v.Servers, " "); got != c.servers || (err == nil) != (c.servers != "") || err == nil && v.Offset != c.offset {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// follow runs the client for some rounds and returns the corrections of the clock.
func follow(t *testing.T, rounds int, servers ...string) (corrected []time.Duration, last State, said string) {
	t.Helper()
	f := Follower{Servers: func() []string { return servers }, Built: built(), Say: func(s State) error { last = s; return nil },
		Correct: func(d time.Duration) error { corrected = append(corrected, d.Round(time.Minute)); return nil },
		Logf:    func(format string, a ...any) { said += fmt.Sprintf(format, a...) + "\n" }}
	for range rounds {
		_ = f.round(t.Context()) // only the pause is returned
		if f.first != nil {
			f.first.at = f.first.at.Add(-lookAgain)
		}
	}
	return corrected, last, said
}

// TestHugeStep: an offset of years, of the RTC or of a server.
func TestHugeStep(t *testing.T) {
	right, also := serve(t, -4*year, sound).addr, serve(t, -4*year, sound).addr // the clock is four years ahead
	wrong := serve(t, year, sound).addr
	off := -4 * year
	for name, c := range map[string]struct {
		servers   []string
		rounds    int
		corrected []time.Duration
	}{
		"one, first look":      {[]string{right}, 1, nil},
		"one, second look":     {[]string{right}, 2, []time.Duration{off}},
		"two at once":          {[]string{right, also}, 1, []time.Duration{off}},
		"two that disagree":    {[]string{right, wrong}, 3, nil},
		"two against one":      {[]string{wrong, right, also}, 1, []time.Duration{off}},
		"one and one from '90": {[]string{right, serve(t, 0, in1990).addr}, 2, []time.Duration{off}},
	} {
		corrected, state, said := follow(t, c.rounds, c.servers...)
		if d := cmp.Diff(c.corrected, corrected); d != "" {
			t.Errorf("%s: %s%s", name, d, said)
		}
		if sure := state.Sure && state.Source == "ntp" && state.Since != nil && state.Problem == ""; sure != (c.corrected != nil) || sure == (state.Problem != "") {
			t.Errorf("%s: %+v", name, state)
		}
	}
}

// TestTwoNamesOfOneServer: several names with the address of one server count as one server, so a large step needs a
// second query.
func TestTwoNamesOfOneServer(t *testing.T) {
	s := serve(t, 4*year, sound)
	_, port, _ := net.SplitHostPort(s.addr)
	if corrected, _, said := follow(t, 1, s.addr, "localhost:"+port, s.addr); len(corrected) != 0 || !strings.Contains(said, "is the only server that answers") {
		t.Errorf("corrected by %v: %s", corrected, said)
	}
}

// TestSecondLookIsAnother: a server whose second answer differs is not trusted, nor is one that is queried again at
// once.
func TestSecondLookIsAnother(t *testing.T) {
	ahead := 5 * year
	fickle := serve(t, 0, func(b []byte) {
		ahead += time.Hour
		for _, at := range []int{16, 32, 40} {
			stamp(b[at:], time.Now().Add(ahead))
		}
	})
	if corrected, _, said := follow(t, 4, fickle.addr); corrected != nil {
		t.Errorf("%v\n%s", corrected, said)
	}
	f := Follower{Servers: func() []string { return []string{serve(t, year, sound).addr} }, Built: built(), Say: func(State) error { return nil },
		Correct: func(time.Duration) error { t.Error("believed at once"); return nil }, Logf: t.Logf}
	for range 3 {
		_ = f.round(t.Context())
	}
}

// TestSmallStepNeedsOne: a single server, at a site without internet, keeps the clock synchronised.
func TestSmallStepNeedsOne(t *testing.T) {
	corrected, state, _ := follow(t, 1, "127.0.0.1:1", serve(t, 9*time.Minute, sound).addr)
	if !cmp.Equal(corrected, []time.Duration{9 * time.Minute}) || state.Offset < 539000 || !strings.Contains(state.Text(), "synchronised since 2") {
		t.Errorf("%v %+v", corrected, state)
	}
}

// TestKissed: a server that sent a kiss-o'-death is not queried for an hour.
func TestKissed(t *testing.T) {
	s := serve(t, 0, bad["kiss of death"])
	if _, state, _ := follow(t, 3, s.addr); s.count() != 1 || state.Sure {
		t.Errorf("asked %d times, %+v", s.count(), state)
	}
}

// TestWeekWithoutNTP: without an answer it retries at least every ten minutes, keeps its state, reports why, and ends
// with its context.
func TestWeekWithoutNTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		asked, last := 0, State{}
		f := Follower{Servers: func() []string { asked++; return nil }, Say: func(s State) error { last = s; return nil },
			Correct: func(time.Duration) error { t.Error("corrected"); return nil }, Logf: func(string, ...any) {}}
		ended := make(chan error)
		go func() { ended <- f.Follow(ctx, State{Source: "kept", Sure: true}) }()
		time.Sleep(7 * 24 * time.Hour)
		stop()
		if err := <-ended; err != nil || asked < 7*24*6 || asked > 7*24*6+10 {
			t.Errorf("%v, asked %d times", err, asked)
		}
		if want := "not synchronised; counts from the last time saved by this machine; ntp: no NTP server to query: none is configured, or all sent a kiss-o'-death; set ntp.servers"; last.Text() != want || !last.Sure {
			t.Errorf("%q", last.Text())
		}
	})
}

// TestEndsDuringQuery: a server that does not answer delays neither a restart of the service nor a shutdown, and an
// interrupted query is not reported as a failed one.
func TestEndsDuringQuery(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, stop := context.WithCancel(t.Context())
	f := Follower{Servers: func() []string { return []string{silent.LocalAddr().String()} }, Logf: func(string, ...any) {},
		Say:     func(s State) error { t.Errorf("said %q", s.Problem); return nil },
		Correct: func(time.Duration) error { t.Error("corrected"); return nil }}
	ended := make(chan error, 1)
	go func() { ended <- f.Follow(ctx, State{}) }()
	if _, _, err := silent.ReadFrom(make([]byte, 128)); err != nil {
		t.Fatal(err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Second): // the service's grace period
		t.Error("it waits for the server")
	}
}

// TestCauses: without a network the common cause of all servers is reported once, in words.
func TestCauses(t *testing.T) {
	refused := &net.OpError{Op: "read", Net: "udp", Source: &net.UDPAddr{Port: 4711}, Err: os.NewSyscallError("read", syscall.ECONNREFUSED)}
	var answers []answer
	for server, err := range map[string]error{
		"a": &net.DNSError{Err: "read udp [::1]:5->[::1]:53: connection refused", Name: "a", Server: "[::1]:53"},
		"b": &net.OpError{Op: "dial", Err: &net.DNSError{Err: "x", Name: "b", Server: "127.0.0.1:53"}},
		"c": &net.DNSError{IsNotFound: true, Server: "10.0.2.3:53"}, "d": &net.DNSError{IsTimeout: true, Server: "10.0.2.3:53"}, "e": refused, "f": errors.New("kiss of death"),
	} {
		answers = append(answers, answer{Server: server, Err: plain(err)})
	}
	slices.SortFunc(answers, func(a, b answer) int { return strings.Compare(a.Server, b.Server) })
	_, err := agree(answers)
	want := "d: DNS query timed out; f: kiss of death; a, b: no DNS server is configured; c: no such host; e: read: connection refused"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
