package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/inforce"
)

const oneKey = "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org]\n"

// changeable returns a device whose configuration can be changed, with oneKey in force, and the requests sent to PID 1.
func changeable(t *testing.T) (Env, *[]string) {
	t.Helper()
	e := device(t)
	put(t, e, "/boot/config.yaml", oneKey)
	hold(t, e, oneKey)
	var asked []string
	e.Ask = func(r control.Request, say func(string)) error {
		asked = append(asked, r.Verb)
		say("in force now: hostname")
		return nil
	}
	e.Place = func() (bootfile.Place, error) {
		return bootfile.Place{Dir: filepath.Join(e.Root, "boot"), Flush: func(string) error { return nil }}, nil
	}
	return e, &asked
}

// hold makes a text the configuration in force.
func hold(t *testing.T, e Env, text string) {
	t.Helper()
	l := config.Load(config.Document("/boot/config.yaml", []byte(text)), config.CommandLine("quiet hostname=edge-7"))
	err := inforce.Save(func(name string, b []byte, _ os.FileMode) error { put(t, e, name, string(b)); return nil },
		inforce.Held{Document: "/boot/config.yaml", Sum: inforce.Sum([]byte(text)), Problems: l.Problems, Config: l.Config})
	if err != nil {
		t.Fatal(err)
	}
}

func have(t *testing.T, e Env, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(e.Root, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// TestApply: a valid text becomes the configuration, the previous one is kept, and PID 1 reloads; any other text
// changes nothing and is kept.
func TestApply(t *testing.T) {
	next := oneKey + "hostname: b\n"
	for name, c := range map[string]struct {
		text, args string
		code       int
		says       string
	}{
		"sound":           {next, "-", 0, "in force now: hostname"},
		"a problem":       {oneKey + "hostnam: b\nk3s: {token: *hunter2}\n", "-", 1, "-:2:1: unknown key"},
		"forced":          {oneKey + "hostnam: b\n", "- --force", 0, "saved as /boot/config.yaml"},
		"no key any more": {"hostname: b\n", "-", 1, "nobody could log in"},
		"empty":           {" \n", "-", 1, "the text is empty"},
		"too large":       {strings.Repeat("#\n", config.MaxSize), "-", 1, "larger than"},
		"which":           {next, "", 1, "usage: proa config apply FILE"},
		"two":             {next, "- -", 1, "usage: proa config apply FILE"},
		"no such":         {next, "/nowhere", 1, "no such file"},
	} {
		e, asked := changeable(t)
		e.In = strings.NewReader(c.text)
		code, out, errs := run(e, append([]string{"config", "apply"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) || strings.Contains(out+errs, "hunter2") {
			t.Errorf("%s: exit %d, %q, %q", name, code, out, errs)
		}
		if code == 0 {
			if have(t, e, "boot/config.yaml") != c.text || have(t, e, "boot/config.yaml.good") != oneKey || strings.Join(*asked, " ") != "reload" {
				t.Errorf("%s: %q, before it %q, asked %q", name, have(t, e, "boot/config.yaml"), have(t, e, "boot/config.yaml.good"), *asked)
			}
			continue
		}
		if have(t, e, "boot/config.yaml") != oneKey || len(*asked) > 0 {
			t.Errorf("%s: refused, and there is %q", name, have(t, e, "boot/config.yaml"))
		}
		if kept := have(t, e, "run/proa/config.rejected.yaml"); c.args == "-" && (!strings.HasPrefix(c.text, kept) || kept == "" || !strings.Contains(errs, "/run/proa/config.rejected.yaml")) {
			t.Errorf("%s: kept %.80q, %q", name, kept, errs)
		}
	}
}

// TestApplyFails: the errors differ for a medium that cannot be written and a PID 1 that does not answer.
func TestApplyFails(t *testing.T) {
	e, _ := changeable(t)
	e.Place = func() (bootfile.Place, error) { return bootfile.Place{}, errors.New("mode live") }
	e.In = strings.NewReader(oneKey + "hostname: b\n")
	if code, _, errs := run(e, "config", "apply", "-"); code != 1 || !strings.Contains(errs, "not saved: mode live; the text is kept") || have(t, e, "boot/config.yaml") != oneKey {
		t.Errorf("exit %d, %q", code, errs)
	}
	e, _ = changeable(t)
	e.Ask = func(control.Request, func(string)) error { return control.ErrNobody }
	e.In = strings.NewReader(oneKey + "hostname: b\n")
	if code, _, errs := run(e, "config", "apply", "-"); code != 1 || !strings.Contains(errs, "saved, but not in force") || have(t, e, "boot/config.yaml") != oneKey+"hostname: b\n" {
		t.Errorf("exit %d, %q", code, errs)
	}
}

// TestEdit: the text is edited again until it is valid or the user gives up, and is never lost.
func TestEdit(t *testing.T) {
	for name, c := range map[string]struct {
		texts   []string // written by the editor, one per call
		answers string
		code    int
		says    string
		saved   bool
	}{
		"at once":    {[]string{oneKey + "hostname: b\n"}, "", 0, "in force now", true},
		"unchanged":  {[]string{oneKey}, "", 0, "nothing was changed", false},
		"second":     {[]string{oneKey + "hostnam: b\n", oneKey + "hostname: b\n"}, "y\n", 0, "unknown key", true},
		"given up":   {[]string{oneKey + "hostnam: b\n"}, "n\n", 1, "kept in /run/proa/config.edit.yaml", false},
		"broken off": {[]string{oneKey + "hostnam: b\n"}, "", 1, "kept in /run/proa/config.edit.yaml", false},
	} {
		e, asked := changeable(t)
		e.In = strings.NewReader(c.answers)
		turn := 0
		e.Edit = func(file string) error {
			turn++
			return os.WriteFile(file, []byte(c.texts[turn-1]), 0o600)
		}
		code, out, errs := run(e, "config", "edit")
		last := c.texts[len(c.texts)-1]
		if code != c.code || !strings.Contains(out+errs, c.says) || (have(t, e, "boot/config.yaml") == last) != (c.saved || last == oneKey) || (len(*asked) == 1) != c.saved {
			t.Errorf("%s: exit %d, %q, %q; %q", name, code, out, errs, have(t, e, "boot/config.yaml"))
		}
		if kept := have(t, e, "run/proa/config.edit.yaml"); (kept == last) != (code != 0) {
			t.Errorf("%s: kept %q", name, kept)
		}
	}
}

// TestEditAgain: the next edit begins with the text that could not be saved; a configuration saved by somebody else
// meanwhile is not overwritten.
func TestEditAgain(t *testing.T) {
	e, _ := changeable(t)
	put(t, e, "/run/proa/config.edit.yaml", oneKey+"hostnam: b\n")
	e.Edit = func(file string) error {
		text, err := os.ReadFile(file)
		if err != nil || string(text) != oneKey+"hostnam: b\n" {
			t.Errorf("the editor got %q, %v", text, err)
		}
		put(t, e, "/boot/config.yaml", oneKey+"hostname: theirs\n")
		return os.WriteFile(file, []byte(oneKey+"hostname: b\n"), 0o600)
	}
	code, _, errs := run(e, "config", "edit")
	if code != 1 || !strings.Contains(errs, "another process changed the configuration") || have(t, e, "boot/config.yaml") != oneKey+"hostname: theirs\n" || have(t, e, "run/proa/config.rejected.yaml") != oneKey+"hostname: b\n" {
		t.Errorf("exit %d, %q, %q", code, errs, have(t, e, "boot/config.yaml"))
	}
}

// TestShowInForce: the configuration in force is shown, whatever the file says; differences are listed with what makes
// them take effect.
func TestShowInForce(t *testing.T) {
	e, _ := changeable(t)
	hold(t, e, oneKey+"k3s: {token: hunter2, args: [--token=hunter2]}\n")
	put(t, e, "/boot/config.yaml", oneKey+"sysctls: {vm.swappiness: 7}\nk3s: {token: hunter3}\n")
	_, out, errs := run(e, "config", "show")
	for _, want := range []string{"# /boot/config.yaml was changed since PID 1 read it", "# differs from the file: sysctls\n", "# differs from the file: k3s.token\n", "hostname: edge-7\n", "token: (secret)\n", "--token=(secret)\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s%s", want, out, errs)
		}
	}
	if strings.Contains(out, "hunter") || strings.Contains(out, "vm.swappiness") {
		t.Errorf("shown:\n%s", out)
	}
	// read, and waiting for a restart
	text := oneKey + "k3s: {args: [--v=2]}\n"
	put(t, e, "/boot/config.yaml", text)
	held, err := inforce.Load(e.Root)
	if err != nil {
		t.Fatal(err)
	}
	held.Sum = inforce.Sum([]byte(text))
	if err := inforce.Save(func(name string, b []byte, _ os.FileMode) error { put(t, e, name, string(b)); return nil }, held); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := run(e, "config", "show"); !strings.Contains(out, "# takes effect with proa restart k3s: k3s.args\n") {
		t.Errorf("shown:\n%s", out)
	}
}
