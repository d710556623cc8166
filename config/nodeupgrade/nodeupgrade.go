// Package nodeupgrade is what a cluster and one of its nodes tell each other about an upgrade of the node: the request,
// which the runtime passes on to PID 1, and its state, which comes back in a file. It refuses texts that are too long or
// have control characters, and sources that are no plain URL of a web server. It does nothing with either.
package nodeupgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// File has the state of the node's last upgrade; the engine replaces it atomically, and the runtime polls it.
const File = "/run/proa/cluster-upgrade.json"

// RequestFile has the cluster's last request, as PID 1 heard it; it is missing if there is none.
const RequestFile = "/run/proa/cluster-request.json"

// Limits in bytes.
const (
	MaxFile    = 16 << 10 // of the file, and of a request or a state as JSON
	maxID      = 128
	maxSource  = 2048
	maxVersion = 64
	maxWord    = 64
	maxMessage = 1024
)

// Request asks a node to upgrade itself.
type Request struct {
	ID      string `json:"id"`                // of the attempt; a node carries out an ID once
	Source  string `json:"source,omitempty"`  // URL of the release directory; empty: the node's own configuration
	Version string `json:"version,omitempty"` // wanted; empty: the newest
}

// Result is how an attempt ended; empty while it runs.
type Result string

// The results.
const (
	Succeeded  Result = "succeeded"   // the new version runs and is good
	Aborted    Result = "aborted"     // it ended before the new version was started; nothing has changed
	RolledBack Result = "rolled back" // the new version did not become good; the old one runs
	Failed     Result = "failed"      // anything else
)

// State is how far the node is.
type State struct {
	ID      string `json:"id"` // of the request; empty: the upgrade was not requested by the cluster
	Phase   string `json:"phase"`
	Result  Result `json:"result,omitempty"`
	Version string `json:"version,omitempty"` // that it upgrades to
	Message string `json:"message,omitempty"` // for people, one line
}

var (
	idForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)
)

// ParseRequest reads a request. The error never has the source in it, which may have a secret in its query.
func ParseRequest(text string) (r Request, err error) {
	if len(text) > MaxFile {
		return Request{}, fmt.Errorf("upgrade request: %d bytes, more than %d", len(text), MaxFile)
	}
	if json.Unmarshal([]byte(text), &r) != nil {
		return Request{}, errors.New("upgrade request: not a JSON object of texts")
	}
	if err := r.check(); err != nil {
		return Request{}, fmt.Errorf("upgrade request: %w", err)
	}
	return r, nil
}

func (r Request) check() error {
	switch {
	case len(r.ID) > maxID || !idForm.MatchString(r.ID):
		return errors.New("id: letters, digits, dots and dashes, at most 128")
	case r.Version != "" && (len(r.Version) > maxVersion || !versionForm.MatchString(r.Version)):
		return errors.New("version: letters, digits and . _ + ~ -, at most 64")
	}
	return CheckSource(r.Source)
}

// CheckSource says what is wrong with the URL of a release directory; the empty one is right.
func CheckSource(source string) error {
	if source == "" {
		return nil
	}
	u, err := url.Parse(source)
	switch {
	case len(source) > maxSource:
		return fmt.Errorf("source: %d bytes, more than %d", len(source), maxSource)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("source: not a URL with http or https")
	case u.User != nil:
		return errors.New("source: has a user name or password, which everybody who may read nodes could see")
	case u.Fragment != "":
		return errors.New("source: has a fragment")
	}
	return nil
}

// Encode returns the request as one line of JSON.
func (r Request) Encode() string { return encode(r) }

// String returns the request for a log: without the query of the source.
func (r Request) String() string {
	text := "to the newest version"
	if r.Version != "" {
		text = "to version " + r.Version
	}
	if u, err := url.Parse(r.Source); r.Source != "" && err == nil {
		text += " from " + (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	return text
}

// ParseState reads a state; texts for people are shortened to what may be shown.
func ParseState(text string) (s State, err error) {
	if len(text) > MaxFile {
		return State{}, fmt.Errorf("upgrade state: %d bytes, more than %d", len(text), MaxFile)
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return State{}, fmt.Errorf("upgrade state: %w", err)
	}
	switch s.Result {
	case "", Succeeded, Aborted, RolledBack, Failed:
	default:
		return State{}, fmt.Errorf("upgrade state: unknown result %.32q", string(s.Result))
	}
	s.ID, s.Phase, s.Version, s.Message = Line(s.ID, maxID), Line(s.Phase, maxWord), Line(s.Version, maxVersion), Line(s.Message, maxMessage)
	return s, nil
}

// Encode returns the state as one line of JSON that ParseState accepts.
func (s State) Encode() string {
	s.ID, s.Phase, s.Version, s.Message = Line(s.ID, maxID), Line(s.Phase, maxWord), Line(s.Version, maxVersion), Line(s.Message, maxMessage)
	return encode(s)
}

// Line returns a text of at most limit bytes without control characters.
func Line(text string, limit int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
	if len(text) <= limit {
		return text
	}
	return strings.TrimSpace(strings.ToValidUTF8(text[:limit-len("…")], "")) + "…"
}

func encode(v any) string {
	b, _ := json.Marshal(v) // texts only: cannot fail
	return string(b)
}
