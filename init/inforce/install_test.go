package inforce

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestOwnInstall: only the medium itself and the kernel command line can have a disk with something on it erased without a
// question; another disk can have an empty one installed, and a service of the network can say which disk, and no more.
func TestOwnInstall(t *testing.T) {
	const all = "version: 1\ninstall: {silent: true, force: true, device: smallest}\n"
	for name, c := range map[string]struct {
		file, text, line string
		silent, force    bool
	}{
		"medium":                   {"/boot/config.yaml", all, "", true, true},
		"seed on the medium":       {"/boot/user-data", all, "", true, true},
		"command line":             {"/boot/config.yaml", "hostname: a\n", "install.silent=true install.device=smallest", true, false},
		"another disk":             {"/var/lib/proa/sources/nocloud/user-data", all, "", true, false},
		"k3OS's words":             {"/var/lib/proa/sources/nocloud/user-data", "#cloud-config\nk3os: {install: {silent: true, device: /dev/vda}}\n", "", true, false},
		"config drive":             {"/var/lib/proa/sources/config-drive/user_data", all, "", true, false},
		"service":                  {"/var/lib/proa/sources/ec2/user-data", all, "", false, false},
		"service and command line": {"/var/lib/proa/sources/ec2/user-data", all, "install.silent=true", true, false},
	} {
		root := t.TempDir()
		file := filepath.Join(root, c.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, _ := ReadDocument(root, c.line)
		got := h.Config.Install
		if got.Silent != c.silent || got.Force != c.force || got.Device == "" {
			t.Errorf("%s: %+v %v", name, got, h.Problems)
		}
		for key, taken := range map[string]bool{"install.silent": !c.silent, "install.force": !c.force} {
			said := strings.Contains(text(h.Problems), key+" is not used from here")
			if from := strings.HasPrefix(c.file, "/var/"); said != (taken && from && strings.Contains(c.text, key[len("install."):]+": true")) {
				t.Errorf("%s: %s: %v", name, key, h.Problems)
			}
		}
	}
}

func text(problems []config.Problem) (all string) {
	for _, p := range problems {
		all += p.String() + "\n"
	}
	return all
}
