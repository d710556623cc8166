package metadata

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proa-os/proa/init/datasource"
)

// site is an HTTPS server whose answers the test changes.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	says func(http.ResponseWriter, *http.Request)
}

func newSite(t *testing.T, says string) *site {
	s := &site{}
	s.set(text200(says))
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		says := s.says
		s.mu.Unlock()
		says(w, r)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *site) set(says func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = says
}

func text200(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// TestURL: the document of config.url has precedence over all but the command line, at the first boot already, and is
// kept whatever the server does later.
func TestURL(t *testing.T) {
	s := newSite(t, "hostname: far\ntimezone: Europe/Berlin\nconfig: {url: 'https://other.invalid/'}\n")
	m := newMachine(t, map[string]string{datasource.ConfigFile: "hostname: near\nconfig: {url: '" + s.URL + "/a?secret=hunter2'}\nca_certs: " + authority(t, s.Server) + "\n"})
	m.Line = "final_message=line timezone=Europe/Paris"
	if read, err := m.first(); err != nil || read != 1 {
		t.Fatal(read, err)
	}
	h := m.configuration()
	if c := h.Config; c.Hostname != "far" || c.Timezone != "Europe/Paris" || !strings.HasPrefix(c.Remote.URL, s.URL) || h.Origin.Of("hostname").File != datasource.URLFile(c.Remote.URL) {
		t.Errorf("%q %q, %s", c.Hostname, c.Timezone, h.Origin.Of("hostname"))
	}
	for name, says := range broken() {
		if name == "slow" || name == "endless" {
			continue // TestBroken
		}
		s.set(says)
		if changed := m.fetch(t.Context(), m.tasks()); changed || m.configuration().Config.Hostname != "far" {
			t.Errorf("%s: changed", name)
		}
	}
	m.write(datasource.ConfigFile, "hostname: near\n")
	if got := m.configuration().Config.Hostname; got != "near" {
		t.Errorf("without config.url: %q", got)
	}
	m.write(datasource.ConfigFile, "hostname: near\nconfig: {url: '"+s.URL+"/b'}\n")
	if got := m.configuration().Config.Hostname; got != "near" {
		t.Errorf("the document of another address: %q", got)
	}
	m.times.answer = 5 * time.Second
	if _, err := m.first(); err == nil || !strings.Contains(err.Error(), "ca_certs") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an authority that nobody knows: %v", err)
	}
}

// TestURLSlow: a server that never ends its answer does not hold up the boot longer than it may, and what was fetched
// before stays.
func TestURLSlow(t *testing.T) {
	for name, says := range broken() {
		if name != "slow" && name != "endless" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "hostname: far\n")
			m := newMachine(t, map[string]string{datasource.ConfigFile: "hostname: near\nconfig: {url: '" + s.URL + "'}\nca_certs: " + authority(t, s.Server) + "\n"})
			s.set(says)
			m.times.answer = 2 * time.Second
			began := time.Now()
			if read, err := m.first(); err == nil || read != 0 || m.configuration().Config.Hostname != "near" || time.Since(began) > 2*time.Minute {
				t.Errorf("%d, %v after %s", read, err, time.Since(began))
			}
			m.write(datasource.URLFile(s.URL), "hostname: far\n")
			if changed := m.fetch(t.Context(), m.tasks()); changed || m.configuration().Config.Hostname != "far" {
				t.Error("what it said before is gone")
			}
		})
	}
}

// TestSum: a document with another sum than the configuration's is not used, neither a new one nor one in the cache.
func TestSum(t *testing.T) {
	const far = "hostname: far\n"
	s := newSite(t, far)
	line := func(sum string) string {
		return "hostname: near\nconfig: {url: '" + s.URL + "', sha256: " + sum + "}\nca_certs: " + authority(t, s.Server) + "\n"
	}
	m := newMachine(t, map[string]string{datasource.ConfigFile: line(strings.Repeat("0", 64))})
	m.times.answer = 5 * time.Second
	if _, err := m.first(); err == nil || !strings.Contains(err.Error(), "another sum") {
		t.Error(err)
	}
	m.times.answer = 20 * time.Second
	m.write(datasource.ConfigFile, line(fmt.Sprintf("%X", sha256.Sum256([]byte(far)))))
	if _, err := m.first(); err != nil || m.configuration().Config.Hostname != "far" {
		t.Error(err)
	}
	m.write(datasource.ConfigFile, line(strings.Repeat("0", 64)))
	if h := m.configuration(); h.Config.Hostname != "near" || !strings.Contains(fmt.Sprint(h.Problems), "another sum") {
		t.Errorf("%q %v", h.Config.Hostname, h.Problems)
	}
}

// TestHTTP: without TLS the user is told, unless there is a sum.
func TestHTTP(t *testing.T) {
	for text, want := range map[string]bool{"{url: 'http://a/b'}": true, "{url: 'https://a/b'}": false, "{url: 'http://a/b', sha256: " + strings.Repeat("0", 64) + "}": false} {
		m := newMachine(t, map[string]string{datasource.ConfigFile: "config: " + text + "\n"})
		if got := strings.Contains(fmt.Sprint(m.configuration().Problems), "without TLS"); got != want {
			t.Errorf("%s: %v", text, m.configuration().Problems)
		}
	}
}

// TestFollow: a server that comes later is asked again until it answers, what it says is reloaded, and a configuration
// that is changed meanwhile is followed.
func TestFollow(t *testing.T) {
	s := newSite(t, "")
	s.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	conf := "config: {url: '" + s.URL + "/%s'}\nca_certs: " + authority(t, s.Server) + "\n"
	m := newMachine(t, map[string]string{datasource.ConfigFile: fmt.Sprintf(conf, "a")})
	ctx, stop := context.WithCancel(t.Context())
	reloaded, ended := make(chan string, 10), make(chan bool)
	go func() {
		m.Follow(ctx, func() { reloaded <- m.configuration().Config.Hostname })
		close(ended)
	}()
	for end := time.Now().Add(time.Minute); !strings.Contains(strings.Join(m.Problems(), ""), "HTTP status 503; next try at"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(m.Problems())
		}
	}
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-reloaded:
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("never reloaded; %q", m.Problems())
		}
	}
	s.set(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hostname: at-%s\n", r.URL.Path[1:]) })
	expect("at-a")
	m.write(datasource.ConfigFile, fmt.Sprintf(conf, "b"))
	m.Poke()
	expect("at-b")
	for end := time.Now().Add(time.Minute); len(m.Problems()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(m.Problems())
		}
	}
	stop()
	<-ended
}

// TestSoonAfterTheBoot: a server that comes up just after the boot has stopped to wait for it is asked soon, however often
// it was tried before.
func TestSoonAfterTheBoot(t *testing.T) {
	s := newSite(t, "")
	m := newMachine(t, map[string]string{datasource.ConfigFile: "config: {url: '" + s.URL + "/a'}\nca_certs: " + authority(t, s.Server) + "\n"})
	m.times = times{first: 10 * time.Millisecond, last: time.Hour, look: time.Millisecond, address: time.Minute, answer: time.Minute}
	var tries atomic.Int32
	booting, booted := context.WithCancel(t.Context())
	s.set(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 20 { // doubled so often, a pause is an hour
			booted()
		}
		w.WriteHeader(503)
	})
	nothing := func() error { return nil }
	if err := m.First(booting, nothing, nothing); err != nil || tries.Load() < 20 {
		t.Fatalf("%v after %d tries", err, tries.Load())
	}
	s.set(text200("hostname: edge-7\n"))
	running, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	m.Follow(running, stop)
	if got := m.configuration().Config.Hostname; got != "edge-7" {
		t.Errorf("%q; %q", got, m.Problems())
	}
}

// TestSeed: NoCloud at an address, on the command line or as the serial number; the latter only for a machine without a
// configuration.
func TestSeed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/4711/meta-data":
			fmt.Fprint(w, "instance-id: i-1")
		case "/4711/user-data":
			fmt.Fprint(w, user)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	words := ";s=" + server.URL + "/__dmi.chassis-serial-number__/;h=edge-1"
	for name, c := range map[string]struct {
		line, serial, config string
		want                 bool
	}{
		"command line":          {"quiet ds=nocloud" + words, "", "modules: [dummy]\n", true},
		"old name":              {"ds=nocloud-net" + words, "", "", true},
		"serial number":         {"", "ds=nocloud" + words, "", true},
		"serial, configured":    {"", "ds=nocloud" + words, "modules: [dummy]\n", false},
		"no address":            {"ds=nocloud", "", "", false},
		"a file of the machine": {"ds=nocloud;s=/etc/", "", "", false},
	} {
		m := newMachine(t, map[string]string{"sys/class/dmi/id/chassis_serial": "4711\n", "sys/class/dmi/id/product_serial": c.serial + "\n", datasource.ConfigFile: c.config})
		m.Line = c.line
		read, err := m.first()
		if got := m.configuration().Config; err != nil || (read == 1) != c.want || (got.Hostname == "edge-1" && got.Timezone == "Europe/Berlin") != c.want {
			t.Errorf("%s: read %d times, %v, %q", name, read, err, got.Hostname)
		}
	}
}
