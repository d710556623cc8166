package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
)

const loginKey = "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP a]\n"

// trying is a keeper on a directory, in which a text is on trial.
type trying struct {
	*keeper
	dir   string
	place bootfile.Place
	ended []string
}

func newTrying(t *testing.T, text string) *trying {
	t.Helper()
	root := t.TempDir()
	tr := &trying{dir: filepath.Join(root, boot.BootDir)}
	if err := os.MkdirAll(tr.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tr.write(t, "config.yaml", loginKey)
	tr.place = bootfile.Place{Dir: tr.dir, Flush: func(string) error { return nil }}
	m := &boot.Machine{Sys: &sys.Fake{}, Root: root, Logf: t.Logf, Place: func() (bootfile.Place, error) { return tr.place, nil }}
	held, err := inforce.ReadDocument(root, "")
	if err != nil {
		t.Fatal(err)
	}
	m.Config, m.InForce = held.Config, held
	tr.keeper = &keeper{m: m, con: &console.Console{}, reaper: reap(), lock: free, route: func() (bool, bool) { return true, true }}
	tr.sup = &supervise.Supervisor{Reaper: reap(), LogDir: t.TempDir(), RunDir: t.TempDir(), Changed: func(_, _ supervise.State) {}}
	t.Cleanup(func() { tr.sup.StopAll(t.Logf) })
	for _, name := range []string{"ntp", "k3s"} {
		tr.sup.Start(t.Context(), supervise.Service{Name: name, Argv: []string{"/bin/sleep", "60"}, Stop: unix.SIGKILL, Grace: time.Second})
	}
	tr.keeper.end = func(why string, how shutdown.End) { tr.ended = append(tr.ended, string(how)) }
	tr.conf.begin(m)
	tr.conf.write = func(inforce.Held) error { return nil }
	trial := confirm.New([]byte(loginKey+text), 10*time.Minute, confirm.Holds{Route: true}, time.Now())
	if err := confirm.Save(tr.place, trial); err != nil {
		t.Fatal(err)
	}
	if err := tr.reloadVerb(t.Context(), "", func(string) {}); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr *trying) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tr.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (tr *trying) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(tr.dir, name))
	return string(text)
}

// TestTrialIsTakenBack: without a confirmation, or when it costs the route, the old configuration is in force again; the
// machine is restarted only if that needs it.
func TestTrialIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		rebot bool // it was restarted with the new configuration
		lost  confirm.Holds
		at    time.Duration
		why   string
		ended int
	}{
		"time is over":      {"sysctls: {vm.swappiness: 7}\n", false, confirm.Holds{Route: true}, 10 * time.Minute, "nobody confirmed it", 0},
		"no route":          {"sysctls: {vm.swappiness: 7}\n", false, confirm.Holds{}, 2 * time.Minute, "default route", 0},
		"not restarted yet": {"hostname: b\n", false, confirm.Holds{}, 2 * time.Minute, "default route", 0},
		"after a restart":   {"hostname: b\n", true, confirm.Holds{}, 3 * time.Minute, "default route", 1},
	} {
		tr := newTrying(t, c.text)
		if c.rebot {
			tr.conf.took(inforce.Machine, t.Logf)
		}
		if !strings.Contains(tr.trial.String(), "waits for proa config confirm") {
			t.Errorf("%s: %q", name, tr.trial.String())
		}
		now := time.Now()
		if why := tr.trial.Look(now, confirm.Holds{Route: true}); why != "" {
			t.Errorf("%s: at once: %s", name, why)
		}
		why := tr.trial.Look(now.Add(c.at+time.Second), c.lost)
		if !strings.Contains(why, c.why) {
			t.Errorf("%s: %q", name, why)
		}
		if err := tr.putBack(t.Context(), why, func(string) {}); err != nil {
			t.Fatal(err)
		}
		if got := tr.conf.latest(); got.Hostname != "" || got.Sysctls != nil || len(got.SSHAuthorizedKeys) != 1 || len(tr.ended) != c.ended {
			t.Errorf("%s: %q, %v, ended %q", name, got.Hostname, got.Sysctls, tr.ended)
		}
		if tr.read("config.yaml") != loginKey || tr.read(confirm.File) != "" || !strings.Contains(tr.read(confirm.Rejected), c.text) || tr.trial.String() != "" {
			t.Errorf("%s: %q, rejected %q", name, tr.read("config.yaml"), tr.read(confirm.Rejected))
		}
		if p := tr.conf.problems(); len(p) != 1 || !strings.Contains(p[0].Message, "taken back: ") {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// TestConfirm: the text on trial becomes the configuration, and the old one the previous one.
func TestConfirm(t *testing.T) {
	tr := newTrying(t, "hostname: b\n")
	if err := tr.confirmVerb(t.Context(), "", func(string) {}); err != nil {
		t.Fatal(err)
	}
	if tr.read("config.yaml") != loginKey+"hostname: b\n" || tr.read("config.yaml.good") != loginKey || tr.read(confirm.File) != "" || tr.trial.String() != "" || tr.conf.latest().Hostname != "b" {
		t.Errorf("%q, before it %q", tr.read("config.yaml"), tr.read("config.yaml.good"))
	}
	for _, verb := range []func() error{func() error { return tr.confirmVerb(t.Context(), "", nil) }, func() error { return tr.revertVerb(t.Context(), "", nil) }} {
		if err := verb(); err != confirm.ErrNone {
			t.Errorf("again: %v", err)
		}
	}
}

// TestHoldsNow: a server that runs is no way in without a key or a password.
func TestHoldsNow(t *testing.T) {
	tr := newTrying(t, "")
	tr.sup.Start(t.Context(), supervise.Service{Name: "ssh", Argv: []string{"/bin/sleep", "60"}, Stop: unix.SIGKILL, Grace: time.Second})
	for end := time.Now().Add(10 * time.Second); !tr.holdsNow().SSH; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server does not hold")
		}
	}
	tr.conf.next = config.Default()
	if h := tr.holdsNow(); h.SSH || !h.Route || h.Ready {
		t.Errorf("%+v", h)
	}
}
