package wifi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
)

// state is the state of an adapter according to wpa_supplicant's events.
type state struct {
	networks []config.WiFi
	joined   int            // index of the network; -1: none
	refused  map[int]string // networks that refused or dropped the connection, with the reason
}

func newState(networks []config.WiFi) *state {
	return &state{networks: networks, joined: -1, refused: map[int]string{}}
}

// event is one row: an event of wpa_supplicant, and the change of state.
type event struct {
	name string
	take func(s *state, words map[string]string)
}

func events() []event {
	return []event{
		{"CTRL-EVENT-CONNECTED", func(s *state, words map[string]string) {
			if id, ok := s.id(words["[id"]); ok {
				s.joined = id
				delete(s.refused, id)
			}
		}},
		{"CTRL-EVENT-DISCONNECTED", func(s *state, words map[string]string) {
			if s.joined >= 0 {
				s.refused[s.joined] = fmt.Sprintf("connection lost (reason %s)", words["reason"])
			}
			s.joined = -1
		}},
		{"CTRL-EVENT-SSID-TEMP-DISABLED", func(s *state, words map[string]string) {
			if id, ok := s.id(words["id"]); ok {
				s.refused[id] = refusal(words["reason"])
			}
		}},
	}
}

// refusal translates wpa_supplicant's reasons. With WPA3 a wrong passphrase cannot be distinguished from other failures
// to connect.
func refusal(reason string) string {
	switch reason {
	case "WRONG_KEY":
		return "wrong passphrase"
	case "CONN_FAILED", "AUTH_FAILED":
		return "authentication failed (wrong passphrase or security type)"
	}
	return "authentication failed: " + reason
}

// id parses the id of a network, which is its index in the configuration.
func (s *state) id(word string) (int, bool) {
	id, err := strconv.Atoi(word)
	return id, err == nil && id >= 0 && id < len(s.networks)
}

// take parses one message, "<3>NAME key=value …", and says whether the state changed.
func (s *state) take(message string) bool {
	if _, rest, ok := strings.Cut(message, ">"); ok && strings.HasPrefix(message, "<") {
		message = rest
	}
	name, rest, _ := strings.Cut(message, " ")
	for _, e := range events() {
		if e.name == name {
			e.take(s, words(rest))
			return true
		}
	}
	return false
}

// words parses the keys and values of a message. Quoted values, which are network names, are not needed.
func words(rest string) map[string]string {
	out := map[string]string{}
	for _, w := range strings.Fields(rest) {
		if k, v, ok := strings.Cut(w, "="); ok {
			out[k] = strings.Trim(v, "[]")
		}
	}
	return out
}

// text returns the state for the console and `proa status`.
func (s *state) text() string {
	if s.joined >= 0 {
		return fmt.Sprintf("joined %q", s.networks[s.joined].Name)
	}
	var parts []string
	for i, w := range s.networks {
		why, refused := s.refused[i]
		if !refused {
			why = "not in range"
		}
		parts = append(parts, fmt.Sprintf("%q: %s", w.Name, why))
	}
	return strings.Join(parts, ", ") + "; retrying"
}
