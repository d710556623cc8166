package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/init/status"
)

func TestGolden(t *testing.T) {
	e := device(t)
	for _, args := range []string{"status", "status --json", "config check", "config show", "logs k3s", "help"} {
		_, out, _ := run(e, strings.Fields(args)...)
		golden.Check(t, strings.NewReplacer(" ", "-", "--", "").Replace(args), out)
	}
}

// put writes a file below the device's root and returns its path on the host.
func put(t *testing.T, e Env, name, content string) string {
	t.Helper()
	p := filepath.Join(e.Root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCheckFile: a file is checked without this machine's command line; the exit code is for scripts.
func TestCheckFile(t *testing.T) {
	e := device(t)
	good, bad := put(t, e, "good.yaml", "hostname: kiosk-3\n"), put(t, e, "bad.yaml", "hostnam: a\nk3s: {token: hunter2, role: x}\n")
	if code, out, errs := run(e, "config", "check", good); code != 0 || out != "no problems\n" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	code, out, errs := run(e, "config", "check", bad)
	if want := bad + ":1:1: unknown key \"hostnam\"; did you mean \"hostname\"?\n" + bad + ":2:29: role: want one of server, agent\n"; code != 1 || out != want || !strings.Contains(errs, "2 problems") {
		t.Errorf("exit %d, %q\n%s", code, errs, cmp.Diff(want, out))
	}
	if strings.Contains(out+errs, "hunter2") {
		t.Error("a secret was shown")
	}
	huge := put(t, e, "huge.yaml", strings.Repeat("#\n", config.MaxSize))
	if code, out, _ := run(e, "config", "check", huge); code != 1 || !strings.Contains(out, "larger than") {
		t.Errorf("exit %d, %q", code, out)
	}
	for _, args := range [][]string{{"config", "check", "/nowhere"}, {"config", "check", good, bad}} {
		if code, _, _ := run(e, args...); code != 1 {
			t.Errorf("%q: exit %d", args, code)
		}
	}
}

// TestNoStatusYet: if the status is missing or incomplete the verbs report that and fail.
func TestNoStatusYet(t *testing.T) {
	e := Env{Root: t.TempDir()}
	for _, args := range []string{"status", "slot", "timeline"} {
		if code, _, errs := run(e, args); code != 1 || !strings.Contains(errs, "no such file") {
			t.Errorf("%s: exit %d, %q", args, code, errs)
		}
	}
	put(t, e, status.File, `{"version":`)
	if code, _, errs := run(e, "status"); code != 1 || !strings.Contains(errs, "JSON") {
		t.Errorf("half a status: exit %d, %q", code, errs)
	}
	put(t, e, status.File, `{"mode":"live"}`)
	if code, _, errs := run(e, "slot"); code != 1 || !strings.Contains(errs, "mode live has no slots") {
		t.Errorf("live: exit %d, %q", code, errs)
	}
}

// TestNTPServers: the servers are those written by PID 1; before that the defaults.
func TestNTPServers(t *testing.T) {
	e := Env{Root: t.TempDir()}
	if got := e.ntpServers(); len(got) != 4 {
		t.Errorf("%q", got)
	}
	put(t, e, "/run/proa/ntp-servers", "10.0.0.1\n10.0.0.2\n")
	if got := e.ntpServers(); len(got) != 2 || got[0] != "10.0.0.1" || got[1] != "10.0.0.2" {
		t.Errorf("%q", got)
	}
}
