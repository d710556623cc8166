package clock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/beevik/ntp"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

const (
	// Offsets above this are stepped; below it the clock is slewed, so that it does not jump for running pods.
	stepAbove = 500 * time.Millisecond
	// A step above this needs two servers that agree, or the same answer of the only server again: a server that has
	// just started, or is wrong by years, must not invalidate a cluster's certificates.
	sureAbove = 10 * time.Minute
	// lookAgain is the time until the second query.
	lookAgain = 15 * time.Second
	// sameWithin is the maximum difference of two answers of one server.
	sameWithin = 2 * time.Second
	// kissed is how long a server that sent a kiss-o'-death is not queried (RFC 5905, 7.4).
	kissed = time.Hour
)

// Follower is the NTP client.
type Follower struct {
	Servers func() []string // called for each query: DHCP may change them
	Built   time.Time
	Correct func(offset time.Duration) error
	Say     func(State) error // writes the state for PID 1
	Logf    func(string, ...any)

	state  State
	first  *look
	resent map[string]time.Time // servers that sent a kiss-o'-death, and when
}

// look is a large step according to one server.
type look struct {
	server string
	offset time.Duration
	at     time.Time
}

// Follow queries, corrects and waits, until ctx ends. state is the initial state of the clock.
func (f *Follower) Follow(ctx context.Context, state State) error {
	f.state = state
	for pause := 5 * time.Second; ; {
		err := f.round(ctx)
		switch {
		case err == nil:
			pause = 10*time.Minute + rand.N(5*time.Minute) // random, so that a site's machines do not query at once
		case errors.Is(err, errLookAgain):
			pause = lookAgain
		default:
			pause = min(2*max(pause, 5*time.Second), 10*time.Minute)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

var errLookAgain = errors.New("querying it again before the clock is stepped")

// round is one query with its correction. A query that ctx interrupts changes nothing.
func (f *Follower) round(ctx context.Context) error {
	v, err := f.decide(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		err = f.Correct(v.Offset)
	}
	if err != nil {
		f.Logf("ntp: %v", err)
		f.state.Problem = "ntp: " + err.Error()
		return errors.Join(err, f.say())
	}
	f.Logf("ntp: %s: corrected by %s", strings.Join(v.Servers, ", "), v.Offset.Round(time.Microsecond))
	for _, why := range v.Left {
		f.Logf("ntp: ignored: %s", why)
	}
	now := time.Now().UTC().Truncate(time.Second)
	if f.state.Since == nil || v.Offset.Abs() > sureAbove {
		f.state.Since = &now
	}
	f.state = State{Source: "ntp", Sure: true, Since: f.state.Since, Last: &now, Servers: v.Servers, Offset: float64(v.Offset.Microseconds()) / 1000}
	return f.say()
}

func (f *Follower) say() error {
	if err := f.Say(f.state); err != nil {
		f.Logf("clock state: %v", err)
	}
	return nil
}

// decide queries the servers that did not send a kiss-o'-death. It accepts a single one only for a small offset, or if
// it repeats its answer.
func (f *Follower) decide(ctx context.Context) (verdict, error) {
	answers := ask(ctx, f.welcome(f.Servers()), f.Built)
	for _, a := range answers {
		if errors.Is(a.Err, ntp.ErrKissOfDeath) {
			f.resent[a.Server] = time.Now()
		}
	}
	v, err := agree(answers)
	if err != nil {
		return v, err
	}
	first := f.first
	f.first = nil
	if v.Offset.Abs() <= sureAbove || len(v.Servers) > 1 {
		return v, nil
	}
	if first != nil && first.server == v.Servers[0] && (first.offset-v.Offset).Abs() < sameWithin && time.Since(first.at) >= lookAgain/2 {
		return v, nil
	}
	f.first = &look{v.Servers[0], v.Offset, time.Now()}
	return v, fmt.Errorf("%s is the only server that answers, and says that the clock is off by %s: %w", v.Servers[0], v.Offset.Round(time.Second), errLookAgain)
}

func (f *Follower) welcome(servers []string) []string {
	if f.resent == nil {
		f.resent = map[string]time.Time{}
	}
	return slices.DeleteFunc(slices.Clone(servers), func(s string) bool {
		at, there := f.resent[s]
		return there && time.Since(at) < kissed
	})
}

// Correct steps or slews the clock and marks it as synchronised in the kernel, which then writes it to the RTC.
func Correct(s sys.Sys, offset time.Duration) error {
	if offset > -stepAbove && offset < stepAbove {
		tx := unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT}
		setOffset(&tx, offset)
		if err := s.AdjustClock(&tx); err != nil {
			return fmt.Errorf("slew clock: %w", err)
		}
	} else if err := s.SetClock(time.Now().Add(offset)); err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	return s.AdjustClock(&unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR})
}
