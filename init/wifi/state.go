package wifi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
)

// state is what wpa_supplicant's events have told so far.
type state struct {
	networks []config.WiFi
	joined   int            // number of the network; -1: none
	refused  map[int]string // networks that did not let us in, or let go of us, and why
}

func newState(networks []config.WiFi) *state {
	return &state{networks: networks, joined: -1, refused: map[int]string{}}
}

// event is one row: what wpa_supplicant says, and what follows from it.
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
				s.refused[s.joined] = fmt.Sprintf("was lost (reason %s)", words["reason"])
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

// refusal puts wpa_supplicant's reasons into words. With WPA3 a wrong passphrase is not told from other failures to connect.
func refusal(reason string) string {
	switch reason {
	case "WRONG_KEY":
		return "refuses the passphrase"
	case "CONN_FAILED", "AUTH_FAILED":
		return "does not let us in: another passphrase, or another kind of security"
	}
	return "does not let us in: " + reason
}

// id reads the number of a network, which is its place in the file.
func (s *state) id(word string) (int, bool) {
	id, err := strconv.Atoi(word)
	return id, err == nil && id >= 0 && id < len(s.networks)
}

// take reads one message, "<3>NAME key=value …", and says whether it was news.
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

// words are the keys and values of a message; of values in quotes, which are names of networks, nothing is needed.
func words(rest string) map[string]string {
	out := map[string]string{}
	for _, w := range strings.Fields(rest) {
		if k, v, ok := strings.Cut(w, "="); ok {
			out[k] = strings.Trim(v, "[]")
		}
	}
	return out
}

// text is for the console and `proa status`.
func (s *state) text() string {
	if s.joined >= 0 {
		return fmt.Sprintf("joined %q", s.networks[s.joined].Name)
	}
	var parts []string
	for i, w := range s.networks {
		why, refused := s.refused[i]
		if !refused {
			why = "is not in reach"
		}
		parts = append(parts, fmt.Sprintf("%q %s", w.Name, why))
	}
	return strings.Join(parts, ", ") + "; trying on"
}
