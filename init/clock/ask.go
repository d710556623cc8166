package clock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/beevik/ntp"
)

// DefaultServers are used if the configuration names none, in addition to those from DHCP.
func DefaultServers() []string {
	return []string{"0.pool.ntp.org", "1.pool.ntp.org", "2.pool.ntp.org", "3.pool.ntp.org"}
}

// Servers returns the servers to query: the user's only, or DHCP's and the defaults together, so that neither is
// trusted alone.
func Servers(configured, dhcp []string) []string {
	if len(configured) > 0 {
		return configured
	}
	return slices.Concat(dhcp, DefaultServers())
}

// answer is one server's answer: the clock is off by Offset ± Radius; or the reason why it is ignored.
type answer struct {
	Server         string
	Address        string // of the one that answered; names may share it
	Offset, Radius time.Duration
	Err            error
}

// slack is added to the precision that a server claims: so two good servers over asymmetric routes still agree.
const slack = 100 * time.Millisecond

// farthest is the maximum root distance of a server: one with a larger uncertainty would agree with anybody (MAXDIST in
// RFC 5905; 3 s is chrony's).
const farthest = 3 * time.Second

// ask queries all servers in parallel and returns when each has answered or timed out, or nothing when ctx ends.
func ask(ctx context.Context, servers []string, built time.Time) []answer {
	answers := make(chan []answer, 1)
	go func() {
		out := make([]answer, len(servers))
		var all sync.WaitGroup
		for i, s := range servers {
			all.Go(func() { out[i] = askOne(s, built) })
		}
		all.Wait()
		answers <- out
	}()
	select {
	case <-ctx.Done():
		return nil
	case out := <-answers:
		return out
	}
}

// askOne refuses servers that are not synchronised, as in RFC 5905 (leap indicator 3, stratum 0 and from 16 on,
// kiss-o'-death), and a time before this system was built.
func askOne(server string, built time.Time) answer {
	address := ""
	r, err := ntp.QueryWithOptions(server, ntp.QueryOptions{Timeout: 3 * time.Second, Dialer: func(_, remote string) (net.Conn, error) {
		c, err := net.Dial("udp", remote)
		if err == nil {
			address = c.RemoteAddr().String()
		}
		return c, err
	}})
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return answer{Server: server, Err: plain(err)}
	}
	if said := time.Now().Add(r.ClockOffset); said.Before(built) {
		return answer{Server: server, Err: fmt.Errorf("its time, %s, is before this system was built", said.UTC().Format(time.DateTime))}
	}
	if r.RootDistance > farthest {
		return answer{Server: server, Err: fmt.Errorf("root distance %s is more than %s", r.RootDistance.Round(time.Millisecond), farthest)}
	}
	return answer{Server: server, Address: address, Offset: r.ClockOffset, Radius: r.RootDistance + slack}
}

// verdict is the result that the servers agree on.
type verdict struct {
	Offset  time.Duration // of the most precise server
	Servers []string
	Left    []string // why others are ignored
}

// agree finds the time that most servers agree on (Marzullo's algorithm) and drops the others. Without a majority there
// is no agreement.
func agree(answers []answer) (verdict, error) {
	var v verdict
	var sound []answer
	v.Left = causes(answers)
	for _, a := range answers {
		twin := slices.IndexFunc(sound, func(b answer) bool { return a.Address != "" && a.Address == b.Address })
		switch {
		case a.Err != nil:
		case twin >= 0: // two names of one server agree about nothing
			v.Left = append(v.Left, a.Server+": the same server as "+sound[twin].Server)
		default:
			sound = append(sound, a)
		}
	}
	switch {
	case len(answers) == 0:
		return v, errors.New("no NTP server to query: none is configured, or all sent a kiss-o'-death; set ntp.servers")
	case len(sound) == 0:
		return v, errors.New(strings.Join(v.Left, "; "))
	}
	at, most := intersection(sound)
	if 2*most <= len(sound) {
		return v, errors.New("servers disagree: " + strings.Join(texts(sound), "; "))
	}
	others := slices.DeleteFunc(slices.Clone(sound), func(a answer) bool { return a.holds(at) })
	v.Left = append(v.Left, texts(others)...)
	sound = slices.DeleteFunc(sound, func(a answer) bool { return !a.holds(at) })
	for _, a := range sound {
		v.Servers = append(v.Servers, a.Server)
	}
	v.Offset = slices.MinFunc(sound, func(a, b answer) int { return cmp.Compare(a.Radius, b.Radius) }).Offset
	return v, nil
}

// causes returns why answers are ignored, each cause once: without a network it is the same for all servers.
func causes(answers []answer) (out []string) {
	servers := map[string][]string{}
	for _, a := range answers {
		if a.Err != nil {
			servers[a.Err.Error()] = append(servers[a.Err.Error()], a.Server)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(servers)) {
		out = append(out, strings.Join(servers[cause], ", ")+": "+cause)
	}
	return out
}

// plain removes the local addresses and ports from an error, which differ each time.
func plain(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return plainDNS(dns)
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

func plainDNS(err *net.DNSError) error {
	host, _, _ := net.SplitHostPort(err.Server)
	switch {
	case err.IsNotFound:
		return errors.New("no such host")
	case err.IsTimeout:
		return errors.New("DNS query timed out")
	case net.ParseIP(host).IsLoopback(): // Go's default without a name server
		return errors.New("no DNS server is configured")
	}
	return errors.New("DNS query failed")
}

func texts(answers []answer) (out []string) {
	for _, a := range answers {
		out = append(out, fmt.Sprintf("%s: off by %s", a.Server, a.Offset.Round(time.Millisecond)))
	}
	return out
}

func (a answer) holds(at time.Duration) bool {
	return at >= a.Offset-a.Radius && at <= a.Offset+a.Radius
}

// intersection returns an offset that lies in as many intervals as possible, and their number: the lower end of one of
// them is such an offset.
func intersection(answers []answer) (at time.Duration, most int) {
	for _, edge := range answers {
		n := 0
		for _, a := range answers {
			if a.holds(edge.Offset - edge.Radius) {
				n++
			}
		}
		if n > most {
			at, most = edge.Offset-edge.Radius, n
		}
	}
	return at, most
}
