package pid1

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
)

// TestReload: PID 1 applies what can change while it runs, says what takes effect when, and writes the configuration in
// force for others.
func TestReload(t *testing.T) {
	root, fake := t.TempDir(), &sys.Fake{}
	document := filepath.Join(root, inforce.ConfigFile)
	if err := os.MkdirAll(filepath.Dir(document), 0o755); err != nil {
		t.Fatal(err)
	}
	k := &keeper{m: &boot.Machine{Sys: fake, Root: root, Logf: t.Logf, Config: config.Default()}, con: &console.Console{}, reaper: reap()}
	k.sup = &supervise.Supervisor{Reaper: reap(), LogDir: t.TempDir(), RunDir: t.TempDir(), Changed: func(_, _ supervise.State) {}}
	t.Cleanup(func() { k.sup.StopAll(t.Logf) })
	for _, name := range []string{"ntp", "k3s"} {
		k.sup.Start(t.Context(), supervise.Service{Name: name, Argv: []string{"/bin/sleep", "60"}, Stop: unix.SIGKILL, Grace: time.Second})
	}
	for slices.ContainsFunc(k.sup.States(), func(s supervise.State) bool { return s.State != "ready" }) {
		time.Sleep(time.Millisecond) // a waiting service is not restarted
	}
	k.conf.begin(k.m)
	var held inforce.Held
	k.conf.write = func(h inforce.Held) error { held = h; c := *h.Config; held.Config = &c; return nil }
	reload := func(text string) (said []string) {
		if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := k.reloadVerb(t.Context(), "", func(line string) { said = append(said, line) }); err != nil {
			t.Fatal(err)
		}
		return said
	}
	text := "hostname: b\nsysctls: {vm.swappiness: 7}\nntp: {servers: [10.0.0.1]}\nk3s: {args: [--v=3]}\nbogus: 1\n"
	want := []string{"in force now: sysctls, ntp", "takes effect with proa restart k3s: k3s.args", "takes effect with proa reboot: hostname"}
	if got := reload(text); !slices.Equal(got, want) {
		t.Errorf("said %q", got)
	}
	if fake.Files["/proc/sys/vm/swappiness"] != "7" || held.Config.Hostname != "" || held.Config.Sysctls["vm.swappiness"] != "7" || held.Config.K3s.Args != nil || held.Sum != inforce.Sum([]byte(text)) {
		t.Errorf("%q; held %+v", fake.Files, held.Config)
	}
	if p := k.conf.problems(); len(p) != 1 || !strings.Contains(p[0].Message, "unknown key") {
		t.Errorf("problems %v", p)
	}
	if got := k.conf.ntpServers(); !slices.Equal(got, []string{"10.0.0.1"}) {
		t.Errorf("NTP servers %q", got)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && k.sup.States()[1].State != "ready"; {
		time.Sleep(10 * time.Millisecond)
	}
	var said []string
	if err := k.restartVerb(t.Context(), "k3s", func(line string) { said = append(said, line) }); err != nil || !slices.Equal(held.Config.K3s.Args, []string{"--v=3"}) {
		t.Errorf("%v, %q; held %+v", err, said, held.Config.K3s)
	}
	if got := reload(text); !slices.Equal(got, []string{"takes effect with proa reboot: hostname"}) {
		t.Errorf("said %q", got)
	}
	if k.m.Config.Hostname != "" {
		t.Error("the configuration of the boot was changed")
	}
	reload("write_files: [{path: /etc/x, owner: nobody-here}]\n")
	if p := k.conf.problems(); len(p) != 1 || !strings.Contains(p[0].Message, "no user") {
		t.Errorf("what could not be done is no problem: %v", p)
	}
}

// TestKeysBringSSH: SSH is started once there is a key, and Kubernetes is not started on a machine that was booted
// without it.
func TestKeysBringSSH(t *testing.T) {
	c := config.Default()
	c.K3s.Enabled = false
	k := &keeper{m: &boot.Machine{Config: c}, con: &console.Console{}, reaper: reap()}
	k.sup = &supervise.Supervisor{Reaper: reap(), LogDir: t.TempDir(), RunDir: t.TempDir(), Changed: func(_, _ supervise.State) {}}
	t.Cleanup(func() { k.sup.StopAll(t.Logf) })
	k.sup.Start(t.Context(), supervise.Service{Name: "ntp", Argv: []string{"/bin/sleep", "60"}, Stop: unix.SIGKILL, Grace: time.Second})
	next := config.Default()
	next.SSHAuthorizedKeys = []string{"ssh-ed25519 AAAA"}
	k.startRows(t.Context(), next)
	k.startRows(t.Context(), next)
	names := func() (out []string) {
		for _, s := range k.sup.States() {
			out = append(out, s.Name)
		}
		return out
	}
	if got := names(); !slices.Equal(got, []string{"ntp", "ssh"}) {
		t.Errorf("%q", got)
	}
	next.Users = []config.User{{Name: "ada", Admin: true}}
	k.startRows(t.Context(), next)
	if got := names(); !slices.Equal(got, []string{"ntp", "ssh", "sudo"}) {
		t.Errorf("an administrator: %q", got)
	}
	k.startRows(t.Context(), config.Default()) // the last key and administrator are gone
	if got := names(); !slices.Equal(got, []string{"ntp"}) {
		t.Errorf("%q", got)
	}
}
