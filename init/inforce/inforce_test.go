package inforce

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/proa-os/proa/config"
)

func load(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, problems := config.Parse("c", []byte(doc))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

// TestEveryKeyHasARow: a new key of the schema needs a row that says when it takes effect.
func TestEveryKeyHasARow(t *testing.T) {
	have := map[string]bool{}
	for _, r := range rows() {
		have[r.key] = true
	}
	rowsOf(t, have, "", reflect.TypeFor[config.Config](), "k3s", "network")
	rowsOf(t, have, "k3s.", reflect.TypeFor[config.K3s]())
	rowsOf(t, have, "network.", reflect.TypeFor[config.Network]())
}

// rowsOf requires a row for each field, or for each of its own fields.
func rowsOf(t *testing.T, have map[string]bool, prefix string, typ reflect.Type, but ...string) {
	for i := range typ.NumField() {
		if key := typ.Field(i).Tag.Get("yaml"); !slices.Contains(but, key) && !have[prefix+key] {
			t.Errorf("no row for %s%s", prefix, key)
		}
	}
}

func TestChanges(t *testing.T) {
	old := load(t, "hostname: a\nsysctls: {vm.swappiness: 1, vm.max_map_count: 2}\nmodules: []\nk3s: {args: [--v=1]}\n")
	now := load(t, "hostname: b\nsysctls: {vm.swappiness: 1}\nmodules: [dummy]\nk3s: {args: [--v=2]}\nntp: {servers: [10.0.0.1]}\n")
	var got []string
	for _, c := range Changes(old, now) {
		got = append(got, c.String())
	}
	want := []string{"hostname: proa reboot", "modules: at once", "sysctls: at once", "sysctls, what was taken out: proa reboot", "ntp: at once", "k3s.args: proa restart k3s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	Take(old, now, Now)
	Take(old, now, K3s)
	if got := Changes(old, now); len(got) != 1 || got[0].Key != "hostname" {
		t.Errorf("after taking: %v", got)
	}
	if got := Changes(load(t, "modules: []\n"), config.Default()); got != nil {
		t.Errorf("an empty list is none: %v", got)
	}
}

// TestSaved: Load returns what Save wrote, including secrets and unusual bytes, and the file is readable by root only.
func TestSaved(t *testing.T) {
	root := t.TempDir()
	c := load(t, "k3s: {token: a}\nnetwork: {interfaces: {eth0: {dhcp: false, routes: [{to: 10.0.0.0/8, via: 10.0.0.1}]}}, wifi: [{name: \"a\xc3\xa4\", passphrase: 'b c d e f g'}]}\nwrite_files: [{path: /etc/a, content: \"\\0\\x01 x\\n\"}]\nhealth: {deadline: 1h}\n")
	held := Held{Document: "/boot/config.yaml", Sum: Sum([]byte("x")), Problems: []config.Problem{{File: "f", Line: 1, Column: 2, Message: "m"}}, Config: c}
	write := func(name string, b []byte, mode os.FileMode) error {
		if mode != 0o600 || !strings.HasPrefix(name, "/run/") {
			t.Errorf("%s %v", name, mode)
		}
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		return os.WriteFile(p, b, mode)
	}
	if err := Save(write, held); err != nil {
		t.Fatal(err)
	}
	got, err := Load(root)
	if err != nil || cmp.Diff(held, got, cmpopts.EquateEmpty()) != "" {
		t.Errorf("%v %s", err, cmp.Diff(held, got, cmpopts.EquateEmpty()))
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("nothing was read without an error")
	}
}

// TestSavedIsTheSame: the configuration in force that was read from its file does not differ from itself.
func TestSavedIsTheSame(t *testing.T) {
	root := t.TempDir()
	for _, text := range []string{"", "network: {firewall: {allow: [tcp/80]}}\nhostname: a\n", "modules: []\nsysctls: {}\nusers: [{name: ada}]\n"} {
		c := load(t, text)
		err := Save(func(name string, b []byte, perm os.FileMode) error {
			path := filepath.Join(root, name)
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, perm))
		}, Held{Config: c})
		back, loadErr := Load(root)
		if err != nil || loadErr != nil {
			t.Fatal(err, loadErr)
		}
		if got := Changes(back.Config, c); len(got) > 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}
