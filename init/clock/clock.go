// Package clock keeps time believable: a machine without a battery starts from when it last ran, never from 1970, and is then
// set by NTP. It refuses times before the build, a step of more than minutes on one server's word, and to take for certain what only
// a battery says.
package clock

import (
	"os"
	"strings"
	"time"
)

// StateFile is what is known of the clock since this start: boot writes it, then `proa ntp`; PID 1 reads it.
const StateFile = "/run/proa/clock.json"

// State is where the time comes from.
type State struct {
	Source string `json:"source"` // ntp; rtc: the machine's own clock; kept: when it last ran; build: when it was built
	// Sure means that this moment has passed for certain, though it may be later: the time came from NTP, or counts from such a one.
	Sure    bool       `json:"sure"`
	Since   *time.Time `json:"synchronised_since,omitempty"`
	Last    *time.Time `json:"last_answer,omitempty"`
	Servers []string   `json:"servers,omitempty"`   // who agreed then
	Offset  float64    `json:"offset_ms,omitempty"` // what the clock was off by then
	Problem string     `json:"problem,omitempty"`   // why NTP does not answer now
}

// Text is one line for people.
func (s State) Text() string {
	var out string
	switch {
	case s.Since != nil && s.Last != nil:
		const layout = "2006-01-02 15:04:05Z"
		out = "synchronised since " + s.Since.UTC().Format(layout) + ", last at " + s.Last.UTC().Format(layout) + " by " + strings.Join(s.Servers, ", ") +
			", off by " + time.Duration(s.Offset*float64(time.Millisecond)).Round(time.Microsecond).String()
	default:
		out = "not synchronised; " + map[string]string{
			"rtc": "the machine's own clock", "kept": "counts from when this machine last ran", "build": "counts from when this system was built",
		}[s.Source]
	}
	if s.Problem != "" {
		out += "; " + s.Problem
	}
	return out
}

// Start says what the clock should be at a start, and what is known of it then. kept is the content of the file that Save writes. A moment
// that is sure to have passed counts always; one of which only a battery knew counts if the battery knows nothing now: it may have
// been years ahead.
func Start(kept string, built, now time.Time) (time.Time, State) {
	last, sure := parse(kept)
	switch {
	case last.After(built) && now.Before(last) && (sure || now.Before(built)):
		return last, State{Source: "kept", Sure: sure}
	case now.Before(built):
		return built, State{Source: "build", Sure: true}
	}
	return now, State{Source: "rtc"}
}

// sureMark stands behind a moment that is sure to have passed.
const sureMark = "sure"

// Save notes that this moment has passed.
func Save(write func(string, []byte, os.FileMode) error, file string, now time.Time, sure bool) error {
	text := now.UTC().Format(time.RFC3339)
	if sure {
		text += " " + sureMark
	}
	return write(file, []byte(text+"\n"), 0o644)
}

// parse takes what is no time for the zero time. Releases before this one wrote the time alone.
func parse(kept string) (last time.Time, sure bool) {
	text, mark, _ := strings.Cut(strings.TrimSpace(kept), " ")
	last, err := time.Parse(time.RFC3339, text)
	return last, err == nil && mark == sureMark
}
