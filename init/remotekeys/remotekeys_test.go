package remotekeys

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/sys"
)

const (
	key1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP ada@example.org"
	key2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBXsldDOJjMLIFQgw/Tw22S7EsbgKTVmfJ0oRWmdqWqF eva@example.org"
)

// site is an HTTPS server whose answers the test changes.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	says func(http.ResponseWriter, *http.Request)
}

func (s *site) set(says func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = says
}

func text(t string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, t) }
}

func newSite(t *testing.T) *site {
	s := &site{says: text(key1 + "\n")}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		says := s.says
		s.mu.Unlock()
		says(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestMain(m *testing.M) { fetchtest.Main(m) }

// machine is a keeper with a real program, below a directory of its own.
type machine struct {
	*testing.T
	Keeper
	site *site
	list []string
	got  chan []string
}

func newMachine(t *testing.T) *machine {
	root := t.TempDir()
	m := &machine{T: t, site: newSite(t), got: make(chan []string, 100)}
	m.Keeper = Keeper{Sys: sys.Below{Sys: sys.Linux{}, Dir: root}, Root: root, Run: fetch.Exec, Ready: func() bool { return true }, Logf: t.Logf, program: fetchtest.Need(t),
		pauses: pauses{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 10 * time.Millisecond}}
	return m
}

// begin puts a list in force.
func (m *machine) begin(list ...string) {
	m.Helper()
	m.list = list
	c := config.Default()
	c.SSHAuthorizedKeys = list
	c.CACerts = []string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.site.Certificate().Raw}))}
	if err := m.Set(m.Context(), c, func() error { m.got <- m.Known(list); return nil }); err != nil {
		m.Fatal(err)
	}
}

// expect waits until the keys in use are these.
func (m *machine) expect(want ...string) {
	m.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case got := <-m.got:
			if slices.Equal(got, want) {
				return
			}
		case <-timeout:
			m.Fatalf("never came to %q; %q", want, m.Problems())
		}
	}
}

// problem waits until there is one, or none if says is empty.
func (m *machine) problem(says string) {
	m.Helper()
	var got string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got = strings.Join(m.Problems(), "\n")
		if says == "" && got == "" || says != "" && strings.Contains(got, says) {
			return
		}
	}
	m.Fatalf("problems %q, want %q", got, says)
}

// TestFollow: keys come, change, and survive whatever the server does; a boot without a network has those of before.
func TestFollow(t *testing.T) {
	m := newMachine(t)
	url := m.site.URL + "/ada?token=hunter2"
	m.begin(key2, url)
	m.expect(key2)
	m.expect(key2, key1)
	m.problem("")
	for says, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"HTTP status 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"HTTP status 404": http.NotFound,
		"no SSH key":      text("<html>"),
		"longer than 262144 bytes; the 1 keys fetched before are used; next try at ": func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 10<<20)) },
	} {
		m.site.set(answer)
		m.problem(says)
		if got := m.Known(m.list); !slices.Equal(got, []string{key2, key1}) {
			t.Errorf("%s: keys in force %q", says, got)
		}
	}
	if all := strings.Join(m.Problems(), ""); strings.Contains(all, "hunter2") {
		t.Errorf("quotes the URL: %s", all)
	}
	m.site.set(text("nonsense\n" + key2 + "\n" + key1 + "\n"))
	m.expect(key2, key1)
	m.problem("")
	m.site.set(text(key2 + "\n"))
	m.expect(key2) // key1 is revoked
	st, err := os.Stat(filepath.Join(m.Root, Dir, file(url)))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	next := &machine{T: t, site: m.site, got: make(chan []string, 10), Keeper: Keeper{Sys: m.Sys, Root: m.Root, Run: m.Keeper.Run, Ready: func() bool { return false }, Logf: t.Logf, pauses: m.pauses}}
	next.begin(url)
	next.expect(key2)
	next.problem("waiting for the network; the 1 keys fetched before are used")
}

// TestCable: a network that comes ends the pause after a failure.
func TestCable(t *testing.T) {
	m := newMachine(t)
	var there atomic.Bool
	there.Store(true)
	m.Ready = there.Load
	m.pauses = pauses{time.Hour, time.Hour, time.Hour, 10 * time.Millisecond}
	m.site.set(http.NotFound)
	m.begin(m.site.URL)
	m.problem("404")
	m.site.set(text(key1))
	there.Store(false)
	time.Sleep(200 * time.Millisecond)
	there.Store(true)
	m.expect(key1)
	m.problem("")
}

// TestFullDisk: keys that cannot be kept are used.
func TestFullDisk(t *testing.T) {
	m := newMachine(t)
	m.Sys = &sys.Fake{Fail: map[string]error{"write": errors.New("no space left on device")}}
	m.begin(m.site.URL)
	m.expect(key1)
	m.problem("cannot be kept: no space left on device")
}

// TestAnotherConfiguration: what was removed from the configuration is neither fetched nor used any more, even if its
// server answers late.
func TestAnotherConfiguration(t *testing.T) {
	m := newMachine(t)
	asked, answer := make(chan bool, 10), make(chan bool)
	m.site.set(func(w http.ResponseWriter, r *http.Request) { asked <- true; <-answer; text(key1)(w, r) })
	m.begin(m.site.URL)
	<-asked
	m.begin(key2)
	close(answer)
	time.Sleep(300 * time.Millisecond)
	m.expect(key2)
	select {
	case got := <-m.got:
		t.Errorf("used again: %q", got)
	default:
	}
	m.problem("")
}

// TestDamaged: a file that a power cut or somebody else has left is no key.
func TestDamaged(t *testing.T) {
	m := newMachine(t)
	if err := errors.Join(os.MkdirAll(filepath.Join(m.Root, Dir), 0o700), os.WriteFile(filepath.Join(m.Root, Dir, file("github:ada")), []byte(key1[:40]+"\ngithub:eva\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := m.Known([]string{"github:ada", key2}); !slices.Equal(got, []string{key2}) {
		t.Errorf("%q", got)
	}
}
