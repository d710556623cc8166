package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/disks"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/install"
	"github.com/proa-os/proa/init/install/medium"
	"github.com/proa-os/proa/init/install/target"
)

const key = "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP]\n"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mounted is what is on the ISO of a small PC that boots by UEFI only.
func mounted(t *testing.T) string {
	t.Helper()
	xorriso, dir, noise := oracle.Tool(t, "xorriso"), t.TempDir(), strings.Repeat("noise\x00\xff", 9999)
	for name, text := range map[string]string{
		"kernel/vmlinuz": "kernel" + noise, "initramfs/initrd": "initrd" + noise, "root/root.img": strings.Repeat("root", 1<<16),
		"root/root.json": `{"roothash": "` + strings.Repeat("ab", 32) + `", "rootsize": 131072}`, "loaders/usr/lib/systemd/boot/efi/systemd-bootx64.efi": "MZ" + noise,
	} {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o600))
	}
	b, err := boards.Get("pc")
	must(t, err)
	b.Sizes = boards.Sizes{Boot: 40 << 20, Root: 4 << 20}
	b.Boot = map[string]boards.Boot{"disk": {UEFI: "systemd-boot"}, "iso": {UEFI: "systemd-boot"}}
	in := func(name string) string { return filepath.Join(dir, name) }
	iso := in("x.iso")
	must(t, media.ISO(iso, dir, media.Parts{Board: b, Loaders: in("loaders"), Kernel: in("kernel"), Initramfs: in("initramfs"), Root: in("root"),
		Version: "v1", When: time.Unix(1_700_000_000, 0), Config: []byte(key + "install: {silent: true}\n# mine\n")}))
	if out, err := exec.Command(xorriso, "-osirrox", "on", "-indev", iso, "-extract", "/", in("medium")).CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	return in("medium")
}

// bench is a machine with one disk.
type bench struct {
	Env
	out   bytes.Buffer
	disk  string
	asked []fetch.Request
	echo  []bool
	ended []bool
}

func newBench(t *testing.T, dir, in string, used bool) *bench {
	t.Helper()
	m, err := medium.Open(dir)
	must(t, err)
	b := &bench{disk: filepath.Join(t.TempDir(), "disk")}
	size := install.Need(m.Kit.Spec)
	must(t, os.WriteFile(b.disk, nil, 0o600))
	must(t, os.Truncate(b.disk, size))
	b.Env = Env{Echo: func(on bool) { b.echo = append(b.echo, on) }, Root: t.TempDir(), MediumDir: dir, In: strings.NewReader(in), Out: &b.out, Address: func() bool { return true },
		End: func(off bool) error { b.ended = append(b.ended, off); return nil },
		List: func(layout.Spec) ([]target.Disk, error) {
			return []target.Disk{{Disk: disks.Disk{Name: "vda", Model: "Twin", Size: size}, Path: b.disk, Used: used, Has: "holiday photos"}}, nil
		},
		Fetch: func(_ context.Context, r fetch.Request) (fetch.Answer, error) {
			b.asked = append(b.asked, r)
			if strings.HasSuffix(r.URL, "/portal") {
				return fetch.Answer{Body: []byte("<!DOCTYPE html><html><body>Welcome</body></html>\n")}, nil
			}
			return fetch.Answer{Body: []byte("hostname: fetched\n")}, nil
		}}
	return b
}

// config reads config.yaml of the disk.
func (b *bench) config(t *testing.T) string {
	t.Helper()
	m, err := medium.Open(b.MediumDir)
	must(t, err)
	table, err := m.Kit.Spec.Fit(m.Kit.Spec.ImageSize())
	must(t, err)
	boot, err := table.Find(layout.Boot, layout.Shared)
	must(t, err)
	f, err := os.Open(b.disk)
	must(t, err)
	defer f.Close()
	text, err := fat.ReadFile(f, boot.Start, boot.Size, layout.ConfigFile)
	if err != nil {
		return "none"
	}
	return string(text)
}

// TestSilent: each key of the section install has its effect.
func TestSilent(t *testing.T) {
	dir := mounted(t)
	for name, c := range map[string]struct {
		install config.Install
		used    bool
		says    string // "" if it installs
		config  string
		off     bool
		events  []string
	}{
		"empty":  {config.Install{Silent: true}, false, "", "ssh_authorized_keys", false, nil},
		"used":   {config.Install{Silent: true}, true, "holiday photos", "none", false, nil},
		"force":  {config.Install{Silent: true, Force: true, PowerOff: true}, true, "", "ssh_authorized_keys", true, nil},
		"url":    {config.Install{Silent: true, ConfigURL: "http://a.example.org/x"}, false, "", "hostname: fetched", false, nil},
		"portal": {config.Install{Silent: true, ConfigURL: "http://a.example.org/portal"}, false, "nothing that can be understood", "none", false, nil},
		"hook":   {config.Install{Silent: true, Webhook: "http://a.example.org/hook"}, false, "", "ssh_authorized_keys", false, []string{"started", "done"}},
		"failed": {config.Install{Silent: true, Webhook: "http://a.example.org/hook"}, true, "holiday photos", "none", false, []string{"failed"}},
		"absent": {config.Install{Silent: true, Device: "nvme", Webhook: "http://a.example.org/hook"}, false, "no disk fits", "none", false, []string{"failed"}},
	} {
		b := newBench(t, dir, "", c.used)
		err := b.Silent(t.Context(), &config.Config{Install: c.install})
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v\n%s", name, err, b.out.String())
		}
		if got := b.config(t); !strings.Contains(got, c.config) || strings.Contains(got, "install") {
			t.Errorf("%s: config.yaml of the disk is %q", name, got)
		}
		if installed := c.says == ""; installed != (len(b.ended) == 1) || installed && b.ended[0] != c.off {
			t.Errorf("%s: ended %v", name, b.ended)
		}
		var events []string
		for _, r := range b.asked {
			for _, e := range []string{"started", "done", "failed"} {
				if bytes.Contains(r.Body, []byte(`"event":"`+e+`"`)) {
					events = append(events, e)
				}
			}
		}
		if !slices.Equal(events, c.events) {
			t.Errorf("%s: webhook got %v", name, events)
		}
	}
}

// TestInstalledAlready: a machine that starts from the ISO again is not installed again, whatever is forced.
func TestInstalledAlready(t *testing.T) {
	b := newBench(t, mounted(t), "", true)
	m, err := medium.Open(b.MediumDir)
	must(t, err)
	text, err := m.Manifest()
	must(t, err)
	if err := allowed(m, target.Disk{Used: true, Manifest: text}, true); !errors.Is(err, errInstalled) {
		t.Error(err)
	}
	if err := allowed(m, target.Disk{Used: true, Manifest: []byte("older")}, true); err != nil {
		t.Error(err)
	}
}

// TestCommand: flags, and the screen typed as a user does.
func TestCommand(t *testing.T) {
	dir := mounted(t)
	for name, c := range map[string]struct {
		args, typed string
		used        bool
		says        string
		config      string
	}{
		"list":           {"--list", "", true, "holiday photos", "none"},
		"unknown":        {"--devise x", "", false, "flag provided but not defined", "none"},
		"direct":         {"--device first --yes", "", false, "installed proa v1", "ssh_authorized_keys"},
		"used":           {"--device first --yes", "", true, "--force overwrites it", "none"},
		"used, forced":   {"--device first --yes --force", "", true, "installed proa v1", "ssh_authorized_keys"},
		"no":             {"--device first", "no\n", true, "no disk was changed", "none"},
		"yes":            {"--device first", "yes\n", true, "Everything on it is lost", "ssh_authorized_keys"},
		"keep":           {"--device first --yes --data keep", "", false, "could be kept", "none"},
		"screen":         {"", "9\n1\n1\nquay\ngithub:ada\n\n\nyes\ns\n", true, "Its name is quay", "hostname: quay"},
		"screen, join":   {"", "1\n1\nQuay_1\nquay\n\nhttps://10.0.0.1:6443\nhunter2\n10.0.0.5/24\n10.0.0.1\n\nyes\ns\n", false, "want a host name", "server_url: https://10.0.0.1:6443"},
		"screen, URL":    {"", "1\n2\nhttp://a.example.org/c\nyes\n\n", false, "Its name is fetched", "hostname: fetched"},
		"screen, own":    {"", "1\n3\nyes\n\n", false, "installed proa v1", "ssh_authorized_keys"},
		"screen, gone":   {"", "1\n", false, "no disk was changed", "none"},
		"screen, ^C":     {"", "1\n1\n\x03", false, "no disk was changed", "none"},
		"stdin":          {"--device first --yes --config -", key + "install: {silent: true}\n", false, "installed proa v1", "ssh_authorized_keys"},
		"stdin, no yes":  {"--device first --config -", key, false, "add --yes", "none"},
		"both sources":   {"--config a --config-url b", "", false, "one of them", "none"},
		"no medium":      {"--list", "", false, "not started from an ISO", "none"},
		"config missing": {"--device first --yes --config /nonexistent", "", false, "no such file", "none"},
	} {
		b := newBench(t, dir, c.typed, c.used)
		if name == "no medium" {
			b.MediumDir = t.TempDir()
		}
		err := b.Command(t.Context(), strings.Fields(c.args))
		text := b.out.String()
		if err != nil {
			text += err.Error()
		}
		if !strings.Contains(text, c.says) {
			t.Errorf("%s: %s", name, text)
		}
		if want := []bool{false, true}; name == "screen, join" && !slices.Equal(b.echo, want) {
			t.Errorf("%s: echo %v, want %v", name, b.echo, want)
		}
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: a secret is shown", name)
		}
		b.MediumDir = dir
		if got := b.config(t); !strings.Contains(got, c.config) || strings.Contains(got, "install") {
			t.Errorf("%s: config.yaml of the disk is %q", name, got)
		}
	}
}
