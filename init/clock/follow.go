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
	// Offsets above this are set at once; below it the clock is slewed, so that it never jumps under running pods.
	stepAbove = 500 * time.Millisecond
	// A step above this wants two servers that agree, or the only one to say the same again: a server that has just started, or is
	// wrong by years, does not take a cluster's certificates with it.
	sureAbove = 10 * time.Minute
	// lookAgain is how long after the first look the second one is.
	lookAgain = 15 * time.Second
	// sameWithin is how much two looks at one server may differ.
	sameWithin = 2 * time.Second
	// kissed is how long a server is left alone that sent a kiss-o'-death (RFC 5905, 7.4).
	kissed = time.Hour
)

// Follower is the NTP client.
type Follower struct {
	Servers func() []string // asked anew each time: DHCP may bring others
	Built   time.Time
	Correct func(offset time.Duration) error
	Say     func(State) error // leaves the state where PID 1 reads it
	Logf    func(string, ...any)

	state  State
	first  *look
	resent map[string]time.Time // who sent us away, and when
}

// look is a huge step on one server's word.
type look struct {
	server string
	offset time.Duration
	at     time.Time
}

// Follow asks, corrects and waits, until ctx ends. state is what is known of the clock before.
func (f *Follower) Follow(ctx context.Context, state State) error {
	f.state = state
	for pause := 5 * time.Second; ; {
		err := f.round()
		switch {
		case err == nil:
			pause = 10*time.Minute + rand.N(5*time.Minute) // not all machines of a site at once
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

var errLookAgain = errors.New("asking again")

// round is one look and what follows from it.
func (f *Follower) round() error {
	v, err := f.decide()
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
		f.Logf("ntp: left out: %s", why)
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

// decide asks those servers that did not send us away, and is content with one only if it matters little or that one stays with it.
func (f *Follower) decide() (verdict, error) {
	answers := ask(f.welcome(f.Servers()), f.Built)
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
	return v, fmt.Errorf("%s alone says that the clock is off by %s: %w", v.Servers[0], v.Offset.Round(time.Second), errLookAgain)
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

// Correct steps or slews the clock and tells the kernel that it is in step, so that the kernel writes it to the RTC.
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
