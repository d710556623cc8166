package inforce

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
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

// TestOtherNames: what people call the file by mistake is told of; the configuration itself is not, by whatever name a
// FAT shows it, nor is a file that is read.
func TestOtherNames(t *testing.T) {
	for name, told := range map[string]bool{"config.yml": true, "Config.YAML.txt": true, "config (1).yaml": true, "user-data.txt": true,
		"network-config.yaml": true, "wpa_supplicant": true, "custom.toml.txt": true, "user-data": false, "ssh": false,
		"config.txt": false, "cmdline.txt": false, "config.yaml.good": false, "initrd": false} {
		h, err := ReadDocument(boot(t, map[string]string{"config.yaml": "hostname: a\n", name: "#cloud-config\n"}), "")
		said := slices.ContainsFunc(h.Problems, func(p config.Problem) bool { return strings.Contains(p.Message, "is not read") })
		if err != nil || said != told || config.Errors(h.Problems) > 1 {
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

// TestOrder: of the files on a boot partition and on data the later one in the documented order counts, the kernel
// command line counts most, and each value has its place.
func TestOrder(t *testing.T) {
	root := boot(t, map[string]string{"meta-data": "instance-id: i-1\nlocal-hostname: meta\n", "user-data": "#cloud-config\nhostname: user\ntimezone: Europe/Paris\n",
		"custom.toml": "[system]\nhostname = \"toml\"\n[locale]\ntimezone = \"Europe/London\"\n[wlan]\nssid=\"a\"\ncountry=\"DE\"\n", "config.yaml": "ntp: {servers: [10.0.0.1]}\n"})
	for name, text := range map[string]string{"usr/share/proa/config.yaml": "hostname: image\nsysctls: {vm.swappiness: 1}\n", "var/lib/proa/config.yaml": "ntp: {servers: [10.0.0.2]}\n",
		"var/lib/proa/config.d/2.yaml": "sysctls: {vm.swappiness: 2}\n", "var/lib/proa/config.d/1.yaml": "sysctls: {vm.swappiness: 3}\n",
		"var/lib/proa/sources/nocloud/user-data": "#cloud-config\nfinal_message: up\n"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	h, err := ReadDocument(root, "network.wifi_country=FR")
	if err != nil || config.Errors(h.Problems) > 0 {
		t.Fatal(err, h.Problems)
	}
	c := h.Config
	if c.Hostname != "user" || c.Timezone != "Europe/Paris" || c.Sysctls["vm.swappiness"] != "2" || !slices.Equal(c.NTP.Servers, []string{"10.0.0.2"}) ||
		c.Network.WiFiCountry != "FR" || len(c.Network.WiFi) != 1 || c.FinalMessage != "up" {
		t.Errorf("%+v", c)
	}
	for key, want := range map[string]string{"hostname": "/boot/user-data", "timezone": "/boot/user-data", "ntp": "/var/lib/proa/config.yaml", "final_message": "/var/lib/proa/sources/nocloud/user-data"} {
		at := h.Origin.Of(key)
		if key == "ntp" {
			at = h.Origin.Of("ntp", "servers")
		}
		if at.File != want {
			t.Errorf("%s is of %s", key, at)
		}
	}
	if len(h.Sources) != 9 || h.Document != ConfigFile {
		t.Errorf("%q, %s", h.Sources, h.Document)
	}
}

// TestGarbage: a file of which nothing can be understood is no choice either, and no file makes the reader wait.
func TestGarbage(t *testing.T) {
	root := boot(t, map[string]string{"config.yaml": "\x01\x02garbage", "config.yaml.good": "hostname: good\n"})
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "var/lib/proa/config.d"), 0o755), unix.Mkfifo(filepath.Join(root, "var/lib/proa/config.d/x.yaml"), 0o600)); err != nil {
		t.Fatal(err)
	}
	h, err := ReadDocument(root, "")
	if err != nil || h.Config.Hostname != "good" || h.Document != GoodFile || len(h.Problems) != 2 || !strings.Contains(h.Problems[1].Message, "no regular file") {
		t.Errorf("%v, %v", err, h.Problems)
	}
}
