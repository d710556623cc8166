package reset

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/inforce"
)

// TestReset: what is left on the boot partition, and what the next boot reads from it.
func TestReset(t *testing.T) {
	const key = "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP]\n"
	for _, c := range []struct {
		args   string
		fail   error
		erased int
		says   string
		keys   int
	}{
		{"", nil, 0, "add --yes", 1},
		{"--yes more", nil, 0, "unexpected argument", 1},
		{"--yes", nil, 1, "", 0},
		{"--yes --keep-config", nil, 1, "", 1},
		{"--yes", errors.New("no data partition"), 1, "no data partition", 1},
	} {
		root := t.TempDir()
		dir := filepath.Join(root, "boot")
		if err := os.MkdirAll(filepath.Join(dir, "slots/a"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"config.yaml", "config.yaml.good", "config.yaml.rejected", "user-data", "blackbox", "slots/a/vmlinuz"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		erased := 0
		var out bytes.Buffer
		m := Machine{Out: &out, Err: &out, Erase: func() error { erased++; return c.fail }, Place: func() (bootfile.Place, error) {
			return bootfile.Place{Dir: dir, Flush: func(string) error { return nil }}, nil
		}}
		err := m.Reset(strings.Fields(c.args))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || erased != c.erased {
			t.Errorf("%q: %v, erased %d times", c.args, err, erased)
		}
		h, err := inforce.ReadDocument(root, "")
		if err != nil || len(h.Config.SSHAuthorizedKeys) != c.keys || c.keys == 0 && len(h.Problems) > 0 {
			t.Errorf("%q: the next boot has %d keys, problems %v; %v", c.args, len(h.Config.SSHAuthorizedKeys), h.Problems, err)
		}
		for _, name := range []string{"blackbox", "slots/a/vmlinuz"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("%q: %v", c.args, err)
			}
		}
	}
}
