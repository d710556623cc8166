package transport

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// dead is a server that accepts connections and never answers.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close() // when the test ends
		}
	}()
	return "http://" + l.Addr().String()
}

// TestDeadMirror: a mirror that never answers costs one brief wait, not minutes, also where the answer of the others is
// that there is no such file: a client of TUF looks so for the next root. Later files do not wait for it at all.
func TestDeadMirror(t *testing.T) {
	alive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2.root.json" {
			http.NotFound(w, r)
			return
		}
		file(w, r)
	}))
	defer alive.Close()
	var said []string
	w := web(t, dead(t), alive.URL)
	w.Patience = Patience{Stall: time.Minute, Brief: 2 * time.Second, Budget: 5 * time.Minute, First: time.Second, Last: 30 * time.Second}
	w.Logf = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	began := time.Now()
	if _, err := Get(t.Context(), w, "2.root.json", Unknown, 100); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the answer took %s", took)
	}
	began = time.Now()
	if b, err := Get(t.Context(), w, "timestamp.json", Unknown, 4e6); err != nil || !bytes.Equal(b, content()) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("the next file waited %s", took)
	}
	if len(said) != 1 {
		t.Errorf("said %q", said)
	}
}

// TestBriefOnlyWithOthers: the only mirror is waited for as long as configured, and so is the last one of which nothing
// is known yet.
func TestBriefOnlyWithOthers(t *testing.T) {
	for name, slow := range map[string][]string{"one": {""}, "two, both slow": {"", ""}} {
		var urls []string
		for range slow {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(1500 * time.Millisecond)
				file(w, r)
			}))
			defer s.Close()
			urls = append(urls, s.URL)
		}
		w := web(t, urls...)
		w.Patience.Brief = 300 * time.Millisecond
		if b, err := Get(t.Context(), w, "file", Unknown, 4e6); err != nil || !bytes.Equal(b, content()) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// TestNoNoise: that a file which need not exist is not there is nobody's news; that a mirror lacks one that must is.
func TestNoNoise(t *testing.T) {
	for status, file := range map[int]string{404: "2.root.json", 403: "3.root.json", 410: "4.root.json"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		defer s.Close()
		for size, want := range map[int64]int{Unknown: 0, 100: 2} {
			said := 0
			w := web(t, s.URL, s.URL)
			w.Logf = func(string, ...any) { said++ }
			if _, err := Get(t.Context(), w, file, size, 100); !errors.Is(err, ErrMissing) || said != want {
				t.Errorf("%d, size %d: %v, %d lines", status, size, err, said)
			}
		}
	}
}
