package inforce

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// boot is a root with these files on its boot partition.
func boot(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, bootDir), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, bootDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestNothingIsNoChoice: a document that is gone, empty or all zeros, as a card that was pulled out too early leaves it, does not take the
// owner's access along while the one before is there.
func TestNothingIsNoChoice(t *testing.T) {
	for want, text := range map[string]string{"config.yaml is empty": "", "is empty; config.yaml.good is used": strings.Repeat("\x00", 4096), "is empty": " \n"} {
		h, err := ReadDocument(boot(t, map[string]string{"config.yaml": text, "config.yaml.good": "hostname: good\n"}), "")
		if err != nil || h.Config.Hostname != "good" || h.Document != GoodFile || len(h.Problems) != 1 || !strings.Contains(strings.ReplaceAll(h.Problems[0].String(), ":1:1:", ""), want) {
			t.Errorf("%q: %v, %q, %v", text, err, h.Config.Hostname, h.Problems)
		}
	}
	h, err := ReadDocument(boot(t, map[string]string{"config.yaml.good": "hostname: good\n"}), "")
	if err != nil || h.Config.Hostname != "good" || len(h.Problems) != 1 || !strings.Contains(h.Problems[0].Message, "is missing; config.yaml.good is used instead") {
		t.Errorf("missing: %v, %v", err, h.Problems)
	}
	for _, files := range []map[string]string{{}, {"config.yaml": ""}, {"config.yaml": "", "config.yaml.good": ""}, {"config.yaml": "# nothing\n", "config.yaml.good": "hostname: good\n"}} {
		if h, err := ReadDocument(boot(t, files), ""); err != nil || h.Config.Hostname != "" || h.Document != ConfigFile || len(h.Problems) != 0 {
			t.Errorf("%v: %v, %v", files, err, h.Problems)
		}
	}
}

// TestOtherNames: what people call the file, or bring along from other systems, is told of; the configuration itself is not, by whatever name a
// FAT shows it.
func TestOtherNames(t *testing.T) {
	for name, told := range map[string]bool{"config.yml": true, "Config.YAML.txt": true, "config (1).yaml": true, "user-data": true, "network-config": true, "ssh": true, "ssh.txt": true,
		"wpa_supplicant.conf": true, "userconf.txt": true, "config.txt": false, "cmdline.txt": false, "config.yaml.good": false, "initrd": false} {
		h, err := ReadDocument(boot(t, map[string]string{"config.yaml": "hostname: a\n", name: "x"}), "")
		if err != nil || (len(h.Problems) == 1) != told {
			t.Errorf("%s: %v, %v", name, err, h.Problems)
		}
	}
	root := boot(t, map[string]string{"CONFIG.YAML": "hostname: a\n"})
	if err := os.Link(filepath.Join(root, bootDir, "CONFIG.YAML"), filepath.Join(root, ConfigFile)); err != nil { // two names of one file, as a FAT has them
		t.Fatal(err)
	}
	if h, err := ReadDocument(root, ""); err != nil || len(h.Problems) != 0 {
		t.Errorf("%v, %v", err, h.Problems)
	}
}
