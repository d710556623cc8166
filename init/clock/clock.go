// Package clock sets the time: a machine without an RTC starts from when it last ran, never from 1970, and is then
// synchronised by NTP. It refuses times before the build date, and a step of more than minutes from one server; a time
// from the RTC alone is not considered sure.
package clock

import (
	"encoding/json"
	"os"
	"strings"
	"time"
)

// StateFile has the state of the clock since boot: the boot writes it, then `proa ntp`; PID 1 reads it.
const StateFile = "/run/proa/clock.json"

// State is the source and quality of the time.
type State struct {
	Source string `json:"source"` // ntp; rtc: the machine's RTC; kept: when it last ran; build: when it was built
	// Sure means that this time has certainly passed, though it may be later: it came from NTP, or counts from such a
	// time.
	Sure    bool       `json:"sure"`
	Since   *time.Time `json:"synchronised_since,omitempty"`
	Last    *time.Time `json:"last_answer,omitempty"`
	Servers []string   `json:"servers,omitempty"`   // servers that agreed
	Offset  float64    `json:"offset_ms,omitempty"` // offset of the clock at that time
	Problem string     `json:"problem,omitempty"`   // why NTP does not work now
}

// Text returns one line for users.
func (s State) Text() string {
	var out string
	switch {
	case s.Since != nil && s.Last != nil:
		const layout = "2006-01-02 15:04:05Z"
		out = "synchronised since " + s.Since.UTC().Format(layout) + ", last at " + s.Last.UTC().Format(layout) + " by " + strings.Join(s.Servers, ", ") +
			", off by " + time.Duration(s.Offset*float64(time.Millisecond)).Round(time.Microsecond).String()
	default:
		out = "not synchronised; " + map[string]string{
			"rtc": "time from the RTC", "kept": "counts from the last time saved by this machine", "build": "counts from the build time of this system",
		}[s.Source]
	}
	if s.Problem != "" {
		out += "; " + s.Problem
	}
	return out
}

// Start returns the time to set at boot, and the state of the clock. kept is the content of the file that Save writes.
// A sure time always counts; one from the RTC only if the RTC has lost its time, because it may have been years ahead.
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

// sureMark follows a time that is sure.
const sureMark = "sure"

// Save stores the current time.
func Save(write func(string, []byte, os.FileMode) error, file string, now time.Time, sure bool) error {
	text := now.UTC().Format(time.RFC3339)
	if sure {
		text += " " + sureMark
	}
	return write(file, []byte(text+"\n"), 0o644)
}

// parse returns the zero time for an invalid one. Earlier releases wrote the time only.
func parse(kept string) (last time.Time, sure bool) {
	text, mark, _ := strings.Cut(strings.TrimSpace(kept), " ")
	last, err := time.Parse(time.RFC3339, text)
	return last, err == nil && mark == sureMark
}

// ReadState returns what StateFile has; the zero value if it cannot be read.
func ReadState() (s State) {
	if b, err := os.ReadFile(StateFile); err == nil {
		_ = json.Unmarshal(b, &s) // written atomically
	}
	return s
}
