package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/fetch/stream"
)

func TestMain(m *testing.M) { fetchtest.Main(m) }

// patient is for machines that are busy with other tests; short is for servers that use it up.
var (
	patient = Patience{Stall: 20 * time.Second, Least: 1, Budget: time.Minute, First: time.Millisecond, Last: 20 * time.Millisecond}
	short   = Patience{Stall: 1200 * time.Millisecond, Least: 1, Budget: 4 * time.Second, First: time.Millisecond, Last: 20 * time.Millisecond}
)

// web returns a source that asks by the real program.
func web(t *testing.T, urls ...string) *Web {
	t.Helper()
	w, err := NewWeb(stream.Client{Program: fetchtest.Need(t)}, urls...)
	if err != nil {
		t.Fatal(err)
	}
	w.Patience = patient
	return w
}

// content is the file that servers have: 3 MB that do not repeat.
var content = sync.OnceValue(func() []byte {
	b := make([]byte, 3e6)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b)
	return b
})

// file serves content with everything that net/http can do.
func file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Etag", `"v1"`)
	http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(content()))
}

// TestServers: real servers, of which most are of no use; the file arrives unharmed, or the error says what was wrong.
func TestServers(t *testing.T) {
	for _, test := range servers {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			t.Cleanup(server.CloseClientConnections)
			w := web(t, strings.Replace(server.URL, "://", "://ada:hunter2@", 1)+"/base?key=hunter2")
			w.Patience, w.Logf = test.needs(), t.Logf
			got, err := Get(t.Context(), w, "a/file", int64(len(content())), 4e6)
			switch {
			case test.says == "" && (err != nil || sha256.Sum256(got) != sha256.Sum256(content())):
				t.Errorf("%d bytes, %v", len(got), err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("%v, want %q", err, test.says)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "read a/file: ")) {
				t.Errorf("the error tells too much, or not what: %v", err)
			}
		})
	}
}

// TestDowngrade: https leads to http nowhere, not even on the same host; HTTP/2 is used where the server has it.
func TestDowngrade(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(file))
	defer plain.Close()
	var proto atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		file(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of certificates that are refused
	server.StartTLS()
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	w := web(t, server.URL)
	w.CAs, w.Hosts = []string{ca}, []string{"127.0.0.1"}
	if _, err := Get(t.Context(), w, "down", Unknown, 4e6); err == nil || !strings.Contains(err.Error(), "redirected from https to http") {
		t.Errorf("%v", err)
	}
	if got, err := Get(t.Context(), w, "file", Unknown, 4e6); err != nil || !bytes.Equal(got, content()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if proto.Load() != "HTTP/2.0" {
		t.Errorf("%s", proto.Load())
	}
	w.CAs, w.Patience.Budget = nil, time.Second
	if _, err := Get(t.Context(), w, "file", Unknown, 4e6); err == nil || !strings.Contains(err.Error(), "ca_certs") {
		t.Errorf("an authority that nobody knows: %v", err)
	}
}

// TestMirrors: another mirror goes on where the first one broke off, one that lacks a file is asked for others still.
func TestMirrors(t *testing.T) {
	var asked [3]atomic.Int64
	serve := func(i int, h http.HandlerFunc) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked[i].Add(1); h(w, r) }))
		t.Cleanup(s.CloseClientConnections)
		return s.URL
	}
	first := serve(0, limited(700_000, reset))
	second := serve(1, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/lacks" {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("Etag", `"another server, another tag"`)
		http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(content()))
	})
	var said []string
	w := web(t, "http://127.0.0.1:1", first, second)
	w.Logf = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	got, err := Get(t.Context(), w, "file", Unknown, 4e6)
	if err != nil || !bytes.Equal(got, content()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if asked[0].Load() != 1 || asked[1].Load() != 1 || len(said) != 2 || !strings.Contains(said[0], "connection refused") {
		t.Errorf("asked %d and %d times, said %q", asked[0].Load(), asked[1].Load(), said)
	}
	if got, err := Get(t.Context(), w, "lacks", Unknown, 4e6); err != nil || len(got) != 3e6 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	w = web(t, second, serve(2, status(410, "")))
	if _, err := Get(t.Context(), w, "lacks", Unknown, 10); !errors.Is(err, ErrMissing) || strings.Count(err.Error(), "127.0.0.1") != 2 {
		t.Errorf("%v", err)
	}
}

// TestRanges: parts in any order, also of a server without ranges; gaps are not worth a request, and nothing beyond the
// announced end is asked for.
func TestRanges(t *testing.T) {
	for i, h := range []http.HandlerFunc{file, servers[1].handler} {
		var ranges []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ranges = append(ranges, r.Header.Get("Range"))
			h(w, r)
		}))
		defer server.Close()
		f, err := web(t, server.URL).Open(t.Context(), "file", 3e6)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Until(2_800_000)
		for _, r := range [][2]int{{1000, 5000}, {6000, 10_000}, {100_000, 300_000}, {2_000_000, 2_100_000}, {2_100_000, 2_800_000}, {500, 600}, {2_900_000, 3_000_000}} {
			b := make([]byte, r[1]-r[0])
			if n, err := f.ReadAt(t.Context(), b, int64(r[0])); err != nil || n != len(b) || !bytes.Equal(b, content()[r[0]:r[1]]) {
				t.Errorf("%d: %d bytes, %v", r, n, err)
			}
		}
		if n, err := f.ReadAt(t.Context(), make([]byte, 10), 2_999_995); n != 5 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		want := []string{"[bytes=1000-2799999 bytes=2000000-2799999 bytes=500-2799999 bytes=2900000-2999999 bytes=2999995-2999999]",
			"[bytes=1000-2799999 bytes=500-2799999 bytes=2999995-2999999]"}
		if got := fmt.Sprint(ranges); got != want[i] {
			t.Errorf("asked for %s", got)
		}
		// with what was dropped: the gaps, and of the server without ranges what is before each part
		if got, want := f.Received(), []int64{299_000 + 800_000 + 100 + 100_000 + 5, 2_800_000 + 3_000_000 + 3_000_000}[i]; got != want {
			t.Errorf("%d bytes were transferred, not %d", got, want)
		}
	}
}

// TestGivenUp: the end of a context ends a blocked read at once, and no program is left.
func TestGivenUp(t *testing.T) {
	server := httptest.NewServer(limited(1000, stall))
	defer server.CloseClientConnections()
	w := web(t, server.URL)
	w.Patience.Stall = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	f, err := w.Open(t.Context(), "file", 3e6)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if n, err := f.ReadAt(ctx, make([]byte, 5000), 0); n != 1000 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 9*time.Second {
		t.Errorf("%d bytes, %v, %s", n, err, time.Since(began))
	}
	f.Close()
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	for _, pid := range strings.Fields(string(children)) {
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		t.Errorf("process %s %s is left", pid, name)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	w := web(t, "http://127.0.0.1:1")
	for _, name := range []string{"", ".", "../a", "/a", "a//b", "a/../b"} {
		if _, err := w.Open(t.Context(), name, 1); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	for _, urls := range [][]string{nil, {"ftp://a/b"}, {"https://"}, {"http://a", "b"}} {
		if _, err := NewWeb(stream.Client{}, urls...); err == nil {
			t.Errorf("%q is accepted", urls)
		}
	}
}

// TestProxy: of the configuration's environment the proxies are used.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "proxy for ", r.URL.Host) }))
	defer proxy.Close()
	w := web(t, "http://releases.invalid/")
	client := w.Opener.(stream.Client)
	client.Environment = map[string]string{"http_proxy": proxy.URL, "LD_PRELOAD": "x"}
	w.Opener = client
	if b, err := Get(t.Context(), w, "file", Unknown, 100); err != nil || string(b) != "proxy for releases.invalid" {
		t.Errorf("%q, %v", b, err)
	}
}
