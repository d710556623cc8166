// Package clock keeps time believable: a machine without a battery starts from when it last ran, never from 1970, and is then
// set by NTP. It refuses to turn the clock back by itself; only a server's answer may.
package clock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/beevik/ntp"
	"golang.org/x/sys/unix"
)

// Floor is the latest moment that is known to have passed: the build, or the last save.
func Floor(file string, built time.Time) time.Time {
	text, err := os.ReadFile(file)
	if err != nil {
		return built
	}
	last, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil || last.Before(built) {
		return built
	}
	return last
}

// Save notes that this moment has passed.
func Save(write func(string, []byte, os.FileMode) error, file string, now time.Time) error {
	return write(file, []byte(now.UTC().Format(time.RFC3339)+"\n"), 0o644)
}

// DefaultServers are asked when DHCP names none.
func DefaultServers() []string {
	return []string{"0.pool.ntp.org", "1.pool.ntp.org", "2.pool.ntp.org", "3.pool.ntp.org"}
}

// Offsets above this are set at once; below it the clock is slewed, so that it never jumps under running pods.
const stepAbove = 500 * time.Millisecond

// Follow is the NTP client: ask, correct, wait, for ever. servers is asked anew each time, since DHCP may bring others.
func Follow(ctx context.Context, servers func() []string, logf func(string, ...any)) error {
	pause := 5 * time.Second
	for {
		offset, server, err := Ask(servers())
		if err == nil {
			err = Correct(offset)
		}
		if err != nil {
			logf("ntp: %v", err)
			pause = min(2*pause, 10*time.Minute)
		} else {
			logf("ntp: %s: corrected by %s", server, offset.Round(time.Microsecond))
			pause = 10*time.Minute + rand.N(5*time.Minute) // not all machines of a site at once
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Ask returns the answer of the first server that gives a valid one.
func Ask(servers []string) (time.Duration, string, error) {
	last := errors.New("no servers")
	for _, s := range servers {
		r, err := ntp.QueryWithOptions(s, ntp.QueryOptions{Timeout: 3 * time.Second})
		if err == nil {
			err = r.Validate()
		}
		if err == nil {
			return r.ClockOffset, s, nil
		}
		last = fmt.Errorf("%s: %w", s, err)
	}
	return 0, "", last
}

// Correct steps or slews the clock and tells the kernel that it is in step, so that the kernel writes it to the RTC.
func Correct(offset time.Duration) error {
	if offset > -stepAbove && offset < stepAbove {
		tx := unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT}
		setOffset(&tx, offset)
		if _, err := unix.Adjtimex(&tx); err != nil {
			return fmt.Errorf("slew clock: %w", err)
		}
	} else {
		tv := unix.NsecToTimeval(time.Now().Add(offset).UnixNano())
		if err := unix.Settimeofday(&tv); err != nil {
			return fmt.Errorf("set clock: %w", err)
		}
	}
	tx := unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR}
	_, err := unix.Adjtimex(&tx)
	return err
}
