package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
)

// wrote returns a key in dropbearkey's format.
func wrote(b byte) string {
	return "\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x40" + strings.Repeat(string(b), 64)
}

// TestHostKey: for each content of the data partition, the key that is used and saved, and the message.
func TestHostKey(t *testing.T) {
	old, fresh := wrote('o'), wrote('n')
	for name, c := range map[string]struct {
		lies            func(kept, used string) error
		used, kept, say string
	}{
		"first start": {func(string, string) error { return nil }, fresh, fresh, ""},
		"kept":        {file(old), old, old, ""},
		"empty":       {file(""), fresh, fresh, "is damaged (0 bytes)"},
		"zeros":       {file(strings.Repeat("\x00", len(old))), fresh, fresh, "is damaged (83 bytes)"},
		"half":        {file(old[:40]), fresh, fresh, "is damaged (40 bytes)"},
		"half zeros":  {file(old[:19] + strings.Repeat("\x00", 64)), fresh, fresh, "is damaged"},
		// A directory instead of a file that cannot be read (EISDIR): it does not count as missing.
		"unreadable": {func(kept, _ string) error { return os.MkdirAll(kept, 0o700) }, fresh, "", "using a temporary one until the next boot"},
		// A file instead of the directory, like a disk that cannot be written to.
		"not kept": {func(kept, _ string) error { return os.WriteFile(filepath.Dir(kept), nil, 0o600) }, fresh, "", "using a temporary one"},
		"server restarted after that": {func(kept, used string) error {
			return errors.Join(os.WriteFile(filepath.Dir(kept), nil, 0o600), os.MkdirAll(filepath.Dir(used), 0o700), os.WriteFile(used, []byte(old), 0o600))
		}, old, "", ""},
		"old in memory": {func(kept, used string) error {
			return errors.Join(file(old)(kept, used), os.MkdirAll(filepath.Dir(used), 0o700), os.WriteFile(used, []byte(fresh), 0o600))
		}, old, old, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, said := t.TempDir(), ""
			h := hostKey{kept: filepath.Join(dir, "data/ssh"), used: filepath.Join(dir, "run/ssh"), say: func(f string, a ...any) { said += fmt.Sprintf(f, a...) }}
			h.generate = func(_ context.Context, file string) error { return os.WriteFile(file, []byte(fresh), 0o600) }
			if err := c.lies(h.kept, h.used); err != nil {
				t.Fatal(err)
			}
			if err := h.prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			used, _ := os.ReadFile(h.used)
			kept, _ := os.ReadFile(h.kept)
			if string(used) != c.used || string(kept) != c.kept || !strings.Contains(said, c.say) || (c.say == "" && c.kept != "" && said != "") {
				t.Errorf("used %q, kept %q, said %q", used, kept, said)
			}
			if st, err := os.Stat(h.used); err != nil || st.Mode() != 0o600 {
				t.Errorf("%v %v", st.Mode(), err)
			}
		})
	}
}

func file(content string) func(kept, used string) error {
	return func(kept, _ string) error {
		return errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.WriteFile(kept, []byte(content), 0o600))
	}
}

// TestWholeKeyKnowsDropbears: a key written by dropbearkey is complete, and any truncation of it is not.
func TestWholeKeyKnowsDropbears(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command(oracle.Tool(t, "dropbearkey"), "-t", "ed25519", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	key, err := os.ReadFile(file)
	if err != nil || !wholeKey(key) {
		t.Fatalf("%x, %v", key[:min(len(key), 19)], err)
	}
	for n := range len(key) {
		if wholeKey(key[:n]) {
			t.Errorf("cut at %d", n)
		}
	}
}
