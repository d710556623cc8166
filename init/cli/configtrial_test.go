package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
)

// TestApplyOnTrial: the configuration's own file keeps the old text, and the trial knows what held before.
func TestApplyOnTrial(t *testing.T) {
	e, asked := changeable(t)
	text, err := json.Marshal(status.Status{DefaultRoute: true, NodeReady: true, Services: []supervise.State{{Name: "ssh", State: "ready"}}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, status.File, string(text))
	e.In = strings.NewReader(oneKey + "hostname: b\n")
	if code, out, errs := run(e, "config", "apply", "-", "--confirm", "10m"); code != 0 || !strings.Contains(out, "unless proa config confirm is run within 10m0s") {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	trial, err := confirm.Load(e.Root + "/boot")
	if err != nil || trial.Text != oneKey+"hostname: b\n" || trial.Within != 10*time.Minute || trial.Before != (confirm.Holds{Route: true, SSH: true, Ready: true}) || have(t, e, "boot/config.yaml") != oneKey || strings.Join(*asked, " ") != "reload" {
		t.Errorf("%v, %+v, asked %q", err, trial, *asked)
	}
	for _, args := range []string{"config apply -", "config apply --confirm=1h -"} {
		e.In = strings.NewReader(oneKey + "hostname: c\n")
		if code, _, errs := run(e, strings.Fields(args)...); code != 1 || !strings.Contains(errs, "waits for confirmation") || have(t, e, "boot/config.yaml") != oneKey {
			t.Errorf("%s beside a trial: exit %d, %q", args, code, errs)
		}
	}
	for _, verb := range []string{"confirm", "revert"} {
		if code, _, errs := run(e, "config", verb); code != 0 || (*asked)[len(*asked)-1] != verb {
			t.Errorf("%s: exit %d, %q, asked %q", verb, code, errs, *asked)
		}
	}
}

// TestApplyOnTrialFails: a text with problems is not put on trial, nor one for a time that makes no sense.
func TestApplyOnTrialFails(t *testing.T) {
	for args, c := range map[string]struct{ text, says string }{
		"- --confirm 10m":       {oneKey + "hostnam: b\n", "unknown key"},
		"- --confirm 1s":        {oneKey, "want a time from 1m0s to 24h0m0s"},
		"- --confirm 0":         {oneKey, "want a time from"},
		"- --confirm=48h":       {oneKey, "want a time from"},
		"--confirm 10m":         {oneKey, "usage: proa config apply FILE"},
		"- --confirm 1h --x":    {oneKey, "flag provided but not defined"},
		"- - --confirm 1h":      {oneKey, "usage: proa config apply FILE"},
		"- --confirm=2m":        {"hostname: b\n", "nobody could log in"},
		"/nowhere --confirm 1h": {"", "no such file"},
	} {
		e, asked := changeable(t)
		e.In = strings.NewReader(c.text)
		if code, out, errs := run(e, append([]string{"config", "apply"}, strings.Fields(args)...)...); code == 0 || !strings.Contains(out+errs, c.says) || len(*asked) > 0 {
			t.Errorf("%s: exit %d, %q", args, code, errs)
		}
		if trial, err := confirm.Load(e.Root + "/boot"); trial != nil || err != nil {
			t.Errorf("%s: %+v, %v", args, trial, err)
		}
	}
	e, _ := changeable(t)
	e.Ask = func(control.Request, func(string)) error { return errors.New("nobody there") }
	e.In = strings.NewReader(oneKey + "hostname: b\n")
	if code, _, errs := run(e, "config", "apply", "-", "--confirm", "10m"); code != 1 || !strings.Contains(errs, "on trial, but not in force: nobody there") {
		t.Errorf("exit %d, %q", code, errs)
	}
}

// TestDiff: each key that differs, with what it needs, of the files of the machine or of another one; and the origins.
func TestDiff(t *testing.T) {
	e, _ := changeable(t)
	if code, out, errs := run(e, "config", "diff"); code != 0 || out != "no differences\n" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	e.In = strings.NewReader(oneKey + "ntp: {servers: [10.0.0.9]}\nk3s: {token: hunter2}\n")
	want := "ntp: at once\n  + servers:\n  +     - 10.0.0.9\nk3s.token: proa restart k3s\n  + (secret)\n"
	if code, out, errs := run(e, "config", "diff", "-"); code != 0 || out != want {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if code, out, errs := run(e, "config", "show", "--origin"); code != 0 || !strings.Contains(out, "hostname: edge-7 # ") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
}
