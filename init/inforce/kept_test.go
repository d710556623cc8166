package inforce

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/sys"
)

const keyOfA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP a"

// good is what each file of the boot and the data partition says, and what that is for.
var good = map[string]struct {
	text string
	says func(*config.Config) bool
}{
	"boot/config.yaml":    {"hostname: mine\nntp: {servers: [10.0.0.1]}\nssh_authorized_keys:\n  - " + keyOfA + "\n", withKey},
	"boot/user-data":      {"#cloud-config\nhostname: mine\nssh_authorized_keys:\n  - " + keyOfA + "\n", withKey},
	"boot/meta-data":      {"instance-id: i-1\nlocal-hostname: mine\n", named},
	"boot/network-config": {"version: 2\nethernets:\n  eth0:\n    addresses: [10.0.0.2/24]\n    mtu: 1400\n", func(c *config.Config) bool { return len(c.Network.Interfaces["eth0"].Addresses) == 1 }},
	"boot/custom.toml":    {"config_version = 1\n[system]\nhostname = \"mine\"\n", named},
	"boot/firstrun.sh":    {"#!/bin/bash\nCURRENT_HOSTNAME=x\nif [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then\n   /usr/lib/raspberrypi-sys-mods/imager_custom set_hostname mine\nfi\n", named},
	"boot/userconf.txt":   {"ada:$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.\n", func(c *config.Config) bool { return len(c.Users) == 1 && c.Users[0].Name == "ada" }},
	"boot/ssh":            {"", func(c *config.Config) bool { return c.SSH.Passwords }},
	"boot/wpa_supplicant.conf": {"country=DE\nnetwork={\n  ssid=\"quay\"\n  psk=\"fair-winds\"\n}\n",
		func(c *config.Config) bool { return len(c.Network.WiFi) == 1 && c.Network.WiFi[0].Name == "quay" }},
	"var/lib/proa/config.yaml":     {"hostname: mine\nssh_authorized_keys:\n  - " + keyOfA + "\n", withKey},
	"var/lib/proa/config.d/a.yaml": {"hostname: mine\nssh_authorized_keys:\n  - " + keyOfA + "\n", withKey},
}

func named(c *config.Config) bool   { return c.Hostname == "mine" }
func withKey(c *config.Config) bool { return named(c) && len(c.SSHAuthorizedKeys) == 1 }

// spoil are the ways in which a file goes bad. All of them must leave what the file said before.
var spoil = map[string]func(path, text string) error{
	"gone":        func(path, _ string) error { return os.Remove(path) },
	"empty":       func(path, _ string) error { return os.WriteFile(path, nil, 0o600) },
	"zeros":       func(path, _ string) error { return os.WriteFile(path, make([]byte, 4096), 0o600) },
	"garbage":     func(path, _ string) error { return os.WriteFile(path, []byte("\x01\x02\xfe: garbage\x00["), 0o600) },
	"not a file":  func(path, _ string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	"unreadable":  func(path, _ string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) }, // an error for open(2), as of a FAT whose entry is damaged
	"of any size": func(path, _ string) error { return os.Truncate(path, 1<<40) },
}

// TestBadFileKeepsTheLastGood: each file of the boot and the data partition, alone there, spoiled in each way.
func TestBadFileKeepsTheLastGood(t *testing.T) {
	for name, file := range good {
		for how, ruin := range spoil {
			if how == "gone" && !strings.HasPrefix(name, "boot/") || how == "empty" && file.text == "" {
				continue
			}
			t.Run(name+" "+how, func(t *testing.T) {
				root := rootWith(t, name)
				hold(t, root, file.says, 0)
				if err := ruin(filepath.Join(root, name), file.text); err != nil {
					t.Fatal(err)
				}
				hold(t, root, file.says, 1)
				hold(t, root, file.says, 1) // and at the next boot: the copy is not lost to the bad file
			})
		}
	}
}

// rootWith is a root with one good file, which a boot has read.
func rootWith(t *testing.T, name string) string {
	t.Helper()
	root := boot(t, nil)
	put(t, root, name, good[name].text)
	return root
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// hold reads the configuration as a boot does, twice as one in which a file is written, and wants so many errors.
func hold(t *testing.T, root string, says func(*config.Config) bool, errs int) Held {
	t.Helper()
	h, err := ReadConfirmed(root, "")
	if err != nil || !says(h.Config) || min(config.Errors(h.Problems), 1) != errs {
		t.Errorf("%v, %+v\n%v", err, h.Config, h.Problems)
	}
	if err := datasource.Keep(sys.Below{Sys: sys.Linux{}, Dir: root}, root); err != nil {
		t.Error(err)
	}
	return h
}

// TestHalfAFile: of a text that ends in the middle, what can be read is in force, over what it said before.
func TestHalfAFile(t *testing.T) {
	for _, name := range []string{"boot/config.yaml", "boot/user-data", "var/lib/proa/config.yaml", "var/lib/proa/config.d/a.yaml"} {
		root := rootWith(t, name)
		hold(t, root, withKey, 0)
		put(t, root, name, strings.Replace(good[name].text[:strings.Index(good[name].text, "ssh_auth")], "mine", "new", 1)+"sysctls: {vm.swappiness: 3")
		h := hold(t, root, func(c *config.Config) bool { return c.Hostname == "new" && len(c.SSHAuthorizedKeys) == 1 }, 1)
		if got := h.Origin.Of("ssh_authorized_keys").File; !strings.HasPrefix(got, datasource.Cache) || h.Origin.Of("hostname").File != "/"+name {
			t.Errorf("%s: the key is of %s", name, got)
		}
		hold(t, root, func(c *config.Config) bool { return c.Hostname == "new" && len(c.SSHAuthorizedKeys) == 1 }, 1)
	}
}

// TestPartlyGood: of a whole text with a wrong value the others are in force, and only those: what its author has removed
// does not come back.
func TestPartlyGood(t *testing.T) {
	root := rootWith(t, "boot/config.yaml")
	hold(t, root, withKey, 0)
	put(t, root, "boot/config.yaml", "hostname: mine\nssh_authorized_keys: [nonsense]\nntp: {servers: [10.0.0.3]}\n")
	hold(t, root, func(c *config.Config) bool {
		return named(c) && c.NTP.Servers[0] == "10.0.0.3" && len(c.SSHAuthorizedKeys) == 0
	}, 1)
}

// TestRemovedIsForgotten: a file that is removed while others of its source are there is a choice of its owner, except
// config.yaml, which a file with a comment replaces; on the data partition, whose directory has a journal, each is.
func TestRemovedIsForgotten(t *testing.T) {
	root := rootWith(t, "boot/user-data")
	put(t, root, "boot/config.yaml", "ntp: {servers: [10.0.0.1]}\n")
	put(t, root, "var/lib/proa/config.d/a.yaml", "sysctls: {vm.swappiness: 3}\n")
	hold(t, root, withKey, 0)
	if err := errors.Join(os.Remove(filepath.Join(root, "boot/user-data")), os.Remove(filepath.Join(root, "var/lib/proa/config.d/a.yaml"))); err != nil {
		t.Fatal(err)
	}
	hold(t, root, func(c *config.Config) bool {
		return c.Hostname == "" && len(c.NTP.Servers) == 1 && len(c.Sysctls) == 0
	}, 0)
	if err := os.Remove(filepath.Join(root, "boot/config.yaml")); err != nil {
		t.Fatal(err)
	}
	hold(t, root, func(c *config.Config) bool { return c.Hostname == "" && len(c.NTP.Servers) == 1 }, 1)
	put(t, root, "boot/config.yaml", "# nothing\n")
	hold(t, root, func(c *config.Config) bool { return len(c.NTP.Servers) == 0 }, 0)
}

// TestTrialOverKept: a text on trial, and one that is judged, replace config.yaml and what stands in for it.
func TestTrialOverKept(t *testing.T) {
	root := rootWith(t, "boot/config.yaml")
	put(t, root, "var/lib/proa/config.yaml", "sysctls: {vm.swappiness: 3}\n")
	hold(t, root, withKey, 0)
	put(t, root, "boot/config.yaml", "hostname: half\nssh_auth [")
	h, err := ReadWith(root, "", "new.yaml", []byte("sysctls: {vm.swappiness: 4}\n"))
	if err != nil || h.Config.Hostname != "" || len(h.Config.SSHAuthorizedKeys) != 0 || h.Config.Sysctls["vm.swappiness"] != "3" || config.Errors(h.Problems) != 0 {
		t.Errorf("%v, %+v, %v", err, h.Config, h.Problems)
	}
}
