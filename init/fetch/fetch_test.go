package fetch

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/fetch/fetchtest"
)

func TestMain(m *testing.M) { fetchtest.Main(m) }

func handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Said", r.Header.Get("X-Say"))
		fmt.Fprintf(w, "%s %s", r.Method, b)
	})
	m.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no luck", 500) })
	m.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 10<<20)) })
	m.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	m.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	m.HandleFunc("/there", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	m.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	m.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:9/x", http.StatusFound)
	})
	return m
}

// TestServers: real servers, of which most are of no use.
func TestServers(t *testing.T) {
	server := httptest.NewTLSServer(handler())
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	c := Client{Run: Exec, Program: fetchtest.Need(t)}
	for _, test := range []struct{ path, says string }{
		{"/keys", ""}, {"/there", ""},
		{"/broken", "HTTP status 500"}, {"/big", "longer than 1000 bytes"}, {"/slow", "timed out"}, {"/trickle", "timed out"},
		{"/loop", "redirections"}, {"/down", "from https to http"},
	} {
		a, err := c.Do(t.Context(), Request{URL: server.URL + test.path + "?secret=hunter2", CAs: []string{ca}, Limit: 1000, Timeout: 2 * time.Second})
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.path, err)
		}
		if err == nil && string(a.Body) != "GET " {
			t.Errorf("%s: %q", test.path, a.Body)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes the URL: %v", test.path, err)
		}
	}
	if _, err := c.Do(t.Context(), Request{URL: server.URL + "/keys"}); err == nil || !strings.Contains(err.Error(), "ca_certs") {
		t.Errorf("an authority that nobody knows: %v", err)
	}
	a, err := c.Do(t.Context(), Request{Method: "POST", URL: server.URL + "/keys", CAs: []string{ca}, Body: []byte("hostname=a"), Header: map[string]string{"X-Say": "hi"}})
	if err != nil || string(a.Body) != "POST hostname=a" || a.Header["X-Said"] != "hi" || a.Status != 200 {
		t.Errorf("POST: %+v %v", a, err)
	}
	var status *StatusError
	if a, err := c.Do(t.Context(), Request{URL: server.URL + "/broken", CAs: []string{ca}}); !errors.As(err, &status) || status.Code != 500 || string(a.Body) != "no luck\n" {
		t.Errorf("status: %v %q", err, a.Body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, Request{URL: server.URL + "/slow", CAs: []string{ca}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAbsent: nobody listens, no such host, no program; and values that are no URL.
func TestAbsent(t *testing.T) {
	c := Client{Run: Exec, Program: fetchtest.Need(t)}
	for _, u := range []string{"http://127.0.0.1:1/", "https://no-such-host.invalid/"} {
		if _, err := c.Do(t.Context(), Request{URL: u, Timeout: 5 * time.Second}); err == nil {
			t.Errorf("%s: no error", u)
		}
	}
	for _, u := range []string{"", "file:///etc/shadow", "https://", "ftp://a/b", "http://a b/"} {
		if _, err := c.Do(t.Context(), Request{URL: u}); err == nil || !strings.Contains(err.Error(), "not a URL") {
			t.Errorf("%s: %v", u, err)
		}
	}
	c.Program = "/nonexistent"
	if _, err := c.Do(t.Context(), Request{URL: "http://127.0.0.1:1/"}); err == nil {
		t.Error("no program, and no error")
	}
}

// TestProxy: of the environment only the proxies are passed on, and Direct uses none.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "proxy for ", r.URL.Host) }))
	defer proxy.Close()
	c := Client{Run: Exec, Program: fetchtest.Need(t), Environment: map[string]string{"http_proxy": proxy.URL, "LD_PRELOAD": "x"}}
	if env := c.env(); len(env) != 1 {
		t.Errorf("%q", env)
	}
	if a, err := c.Do(t.Context(), Request{URL: "http://metadata.invalid/"}); err != nil || string(a.Body) != "proxy for metadata.invalid" {
		t.Errorf("%q %v", a.Body, err)
	}
	if _, err := c.Do(t.Context(), Request{URL: "http://metadata.invalid/", Direct: true, Timeout: 5 * time.Second}); err == nil {
		t.Error("Direct went through the proxy")
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{First: time.Second, Last: 5 * time.Second}
	for _, want := range []time.Duration{1, 2, 4, 5, 5} {
		if got := b.Next(); got < want*time.Second || got > want*time.Second*11/10 {
			t.Errorf("%s, want %ds", got, want)
		}
	}
	b.Reset()
	if got := b.Next(); got > 2*time.Second {
		t.Errorf("after Reset: %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if Sleep(ctx, time.Hour) {
		t.Error("slept through the end of its context")
	}
}
