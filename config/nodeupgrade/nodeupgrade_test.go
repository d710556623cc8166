package nodeupgrade

import (
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"a.1","source":"https://up.example.org/r","version":"1.4.0"}`: "",
		`{"id":"a"}`: "",
		`{"id":"a","source":"http://[2001:db8::1]:8080/r?key=x"}`:           "",
		`{"id":"a","later":"word"}`:                                         "",
		`{}`:                                                                "id: ",
		`{"id":"a b"}`:                                                      "id: ",
		`{"id":"a\nX_NODE_READY=1"}`:                                        "id: ",
		`{"id":"` + strings.Repeat("a", 129) + `"}`:                         "id: ",
		`{"id":"a","version":"1;reboot"}`:                                   "version: ",
		`{"id":"a","source":"https://ada:hunter2@example.org/r"}`:           "user name or password",
		`{"id":"a","source":"file:///etc/shadow"}`:                          "not a URL with http",
		`{"id":"a","source":"hunter2 \u0001://x"}`:                          "not a URL with http",
		`{"id":"a","source":"https:///r"}`:                                  "not a URL with http",
		`{"id":"a","source":"https://h/` + strings.Repeat("a", 3000) + `"}`: "more than 2048",
		`{"id":1}`: "not a JSON object",
		`half {`:   "not a JSON object",
		`{"id":"` + strings.Repeat("a", MaxFile) + `"}`: "more than 16384",
	} {
		r, err := ParseRequest(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%.60s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.60s: %v, want %q", text, err, want)
		case err != nil && (r != Request{} || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%.60s: %+v, %v", text, r, err)
		}
	}
}

// TestNoSecretInALog: the query of a source, which may be a key, is not printed.
func TestNoSecretInALog(t *testing.T) {
	r := Request{ID: "a", Source: "https://up.example.org/r?key=hunter2", Version: "1.4.0"}
	if got := r.String(); got != "to version 1.4.0 from https://up.example.org/r" {
		t.Error(got)
	}
}

func TestState(t *testing.T) {
	s, err := ParseState(`{"id":"a","phase":"trial\u001b[2J","result":"rolled back","version":"1","message":"` + strings.Repeat("ä", 2000) + `"}`)
	if err != nil || s.Phase != "trial [2J" || s.Result != RolledBack || len(s.Message) > maxMessage || !strings.HasSuffix(s.Message, "ä…") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{`{"result":"splendid"}`, `{`, `[]`, strings.Repeat(" ", MaxFile+1)} {
		if s, err := ParseState(bad); err == nil || s != (State{}) {
			t.Errorf("%.30q: %+v, %v", bad, s, err)
		}
	}
}

// FuzzParse: whatever is read is read again the same, and fits in one field of a message.
func FuzzParse(f *testing.F) {
	f.Add(`{"id":"a","source":"https://h/r","version":"1","phase":"x","result":"failed","message":"m"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRequest(text); err == nil {
			if again, err := ParseRequest(r.Encode()); err != nil || again != r || strings.ContainsAny(r.Encode(), "\n\r\x00") {
				t.Errorf("%+v, then %+v, %v", r, again, err)
			}
		}
		if s, err := ParseState(text); err == nil {
			if again, err := ParseState(s.Encode()); err != nil || again != s || strings.ContainsAny(s.Encode(), "\n\r\x00") {
				t.Errorf("%+v, then %+v, %v", s, again, err)
			}
		}
	})
}

// TestNear: how much came from machines of the site, in words that follow a number of bytes.
func TestNear(t *testing.T) {
	for n, want := range map[Near]string{{}: "", {171_240_000, 2}: ", 171.2 MB of them from 2 nodes of the site", {5_000_000, 1}: ", 5.0 MB of them from 1 node of the site"} {
		if got := n.Text(); got != want {
			t.Errorf("%+v: %q", n, got)
		}
	}
}
