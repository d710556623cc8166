package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/nodekernel"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/timeline"
)

func TestSequence(t *testing.T) { golden.Check(t, "sequence", Print()) }

func TestMountTables(t *testing.T) {
	golden.Check(t, "mounts", "early\n"+mounts.Print(mounts.Early())+"\nmain\n"+mounts.Print(mounts.Main())+
		"\netc\n"+mounts.Print(mounts.Etc())+"\npersistent\n"+mounts.Print(mounts.Persistent(DataDir)))
}

func TestNodeTables(t *testing.T) {
	var b strings.Builder
	for _, s := range nodekernel.Sysctls() {
		fmt.Fprintf(&b, "%s = %s\n", s.Name, s.Value)
	}
	golden.Check(t, "node", strings.Join(earlyModules(), " ")+"\n"+strings.Join(nodeModules(), " ")+"\n"+b.String())
}

// machine returns a machine in a directory with a recording of its system calls.
func machine(t *testing.T, files map[string]string) (*Machine, *sys.Fake) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fake := &sys.Fake{}
	return &Machine{Sys: fake, Root: root, Logf: t.Logf, Ctx: t.Context(), Config: config.Default()}, fake
}

const goodLine = "console=ttyS0 proa.mode=disk proa.slot=a proa.rootsize=8192 proa.board=pc proa.roothash=" +
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff hostname=edge-7 k3s.role=agent"

// calls runs the named steps of stage 2 and returns the recorded calls.
func calls(t *testing.T, m *Machine, f *sys.Fake, names ...string) string {
	t.Helper()
	for _, s := range Stage2() {
		for _, n := range names {
			if s.Name == n {
				f.Calls = append(f.Calls, "# "+n)
				if err := s.Func(t.Context(), m); err != nil {
					f.Calls = append(f.Calls, "error: "+strings.ReplaceAll(err.Error(), m.Root, ""))
				}
			}
		}
	}
	return strings.ReplaceAll(f.String(), m.Root, "")
}

func TestStage2Calls(t *testing.T) {
	m, f := machine(t, map[string]string{
		"proc/cmdline":                     goodLine,
		"sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
		"var/lib/proa/machine-id":          strings.Repeat("ab", 16) + "\n",
		"boot/config.yaml":                 "modules: [dummy]\nsysctls: {vm.swappiness: 10}\nwrite_files: [{path: /etc/motd, content: hi}, {path: /opt/x, content: '!', encoding: b64}]\nk3s: {token: t}\n",
		"sys/class/block/vda2/uevent":      "PARTNAME=boot\n",
		"usr/share/proa/release.json":      "{}",
	})
	golden.Check(t, "stage2", calls(t, m, f, "mounts", "read-cmdline", "cgroups", "rlimits", "persist", "read-config", "identity", "accounts", "sysctls", "write-files", "k3s-config"))
	if m.Hostname != "edge-7" {
		t.Errorf("host name %q: the command line wins", m.Hostname)
	}
	if want := "node-name: edge-7\ntoken: t\n"; !strings.HasSuffix(f.Files["/etc/rancher/k3s/config.yaml"], want) {
		t.Errorf("k3s config:\n%s", f.Files["/etc/rancher/k3s/config.yaml"])
	}
}

// TestBadConfigBoots: no error in the configuration fails the step that reads it.
func TestBadConfigBoots(t *testing.T) {
	for _, text := range []string{"hostnam: x\n", "a: [", "k3s: 7\n", "\x00\x01"} {
		m, _ := machine(t, map[string]string{"boot/config.yaml": text})
		if err := readConfig(t.Context(), m); err != nil || len(m.Problems) == 0 || m.Config == nil {
			t.Errorf("%q: %v, problems %v", text, err, m.Problems)
		}
	}
	m, _ := machine(t, nil)
	if err := readConfig(t.Context(), m); err != nil || len(m.Problems) != 0 {
		t.Errorf("no file at all: %v %v", err, m.Problems)
	}
}

// TestDefaultName: the default host name of the first boot is kept, whatever adapters are found later; an incompletely
// written one is generated again.
func TestDefaultName(t *testing.T) {
	for kept, want := range map[string]string{"proa-00beef\n": "^proa-00beef$", "": "^proa-[0-9a-f]{6}$", "proa-00b": "^proa-[0-9a-f]{6}$"} {
		m, f := machine(t, map[string]string{"var/lib/proa/hostname": kept})
		calls(t, m, f, "read-config", "identity")
		if !regexp.MustCompile(want).MatchString(m.Hostname) {
			t.Errorf("kept %q: host name %q", kept, m.Hostname)
		}
		if got := f.Files["/var/lib/proa/hostname"]; kept != "proa-00beef\n" && got != m.Hostname+"\n" {
			t.Errorf("kept %q: %q is kept now, not %q", kept, got, m.Hostname)
		}
	}
}

// TestUnreadableIsNotAbsent: a name or id that cannot be read is not replaced. A directory simulates that (EISDIR).
func TestUnreadableIsNotAbsent(t *testing.T) {
	for _, name := range []string{"hostname", "machine-id"} {
		m, f := machine(t, map[string]string{"var/lib/proa/" + name + "/x": ""})
		_ = readConfig(t.Context(), m)
		if err := identify(t.Context(), m); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "until the next boot") {
			t.Errorf("%s: %v", name, err)
		}
		if text, wrote := f.Files[StateDir+"/"+name]; wrote || m.Hostname == "" {
			t.Errorf("%s: replaced by %q", name, text)
		}
	}
}

// TestWiFi: the file with the keys has mode 0600; an image without Wi-Fi reports that and boots.
func TestWiFi(t *testing.T) {
	const read = "# read-config\nwrite /run/proa/config.yaml 0600\n"
	const text = "network: {wifi: [{name: Harbour, passphrase: hunter22}]}\n"
	m, f := machine(t, map[string]string{"boot/config.yaml": text, "usr/sbin/wpa_supplicant": ""})
	said := ""
	m.Logf = func(format string, a ...any) { said += fmt.Sprintf(format, a...) }
	want := read + "# wifi\nmkdir /run/proa/wifi 0700\nwrite /run/proa/wifi/wpa_supplicant.conf 0600\n"
	if got := calls(t, m, f, "read-config", "wifi"); got != want {
		t.Error(cmp.Diff(want, got))
	}
	m, f = machine(t, map[string]string{"boot/config.yaml": text})
	var user *step.UserError
	if err := errors.Join(readConfig(t.Context(), m), wifiConfig(t.Context(), m)); !errors.As(err, &user) || !strings.Contains(err.Error(), "no Wi-Fi") {
		t.Error(err)
	}
	m, f = machine(t, map[string]string{"usr/sbin/wpa_supplicant": ""})
	if got := calls(t, m, f, "read-config", "wifi"); got != read+"# wifi\n" || len(m.Problems) != 0 {
		t.Errorf("without networks: %s, problems %v", got, m.Problems)
	}
	if strings.Contains(said, "hunter") {
		t.Errorf("said %s", said)
	}
}

func TestLiveBoot(t *testing.T) {
	m, f := machine(t, nil)
	m.Line.Mode = "live"
	want := "# mount-boot\nmount /run/proa/medium /boot  0x1000\n# data\nmount data /run/proa/data tmpfs 0x4 mode=0755,size=75%\n"
	if got := calls(t, m, f, "mount-boot", "data"); got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestFindSlot(t *testing.T) {
	m, _ := machine(t, map[string]string{
		"sys/devices/pci0/virtio1/block/vda/vda3/uevent": "DEVNAME=vda3\nPARTNAME=root-a\n",
		"sys/devices/pci0/virtio1/block/vda/uevent":      "DEVNAME=vda\n",
		"dev/vda3": strings.Repeat("x", 32768),
	})
	class := m.Path("/sys/class/block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"vda": "vda", "vda3": "vda/vda3"} {
		if err := os.Symlink("../../devices/pci0/virtio1/block/"+target, filepath.Join(class, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := blockdev.Disk(m.Root, "vda3"); got != "vda" {
		t.Errorf("disk of vda3: %q", got)
	}
	m.Line.Slot, m.Line.Root.Size, m.Line.Root.Hash = "a", 4096, strings.Repeat("0", 64)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := findSlot(ctx, m)
	if err == nil || !strings.Contains(err.Error(), "no partition root-a is valid: vda3: verity superblock") {
		t.Errorf("a partition with garbage: %v", err)
	}
}

// TestTimeline: steps are reported and stored in order, including a failed one.
func TestTimeline(t *testing.T) {
	m, f := machine(t, nil)
	list := []Step{
		{"one", func(context.Context, *Machine) error { return nil }, step.Halt, 0},
		{"two", func(context.Context, *Machine) error { return errors.New("no luck") }, step.Warn, 0},
	}
	results, err := Run(t.Context(), "stage2", list, m)
	if err != nil || len(results) != 2 {
		t.Fatal(err, results)
	}
	m.SaveTimeline()
	if text := f.Files[timeline.Dir+"/stage2.json"]; !strings.Contains(text, `"name": "two"`) || !strings.Contains(text, `"error": "no luck"`) {
		t.Errorf("timeline:\n%s", text)
	}
}

func TestISOLabel(t *testing.T) {
	dev := filepath.Join(t.TempDir(), "sr0")
	image := make([]byte, 40000)
	copy(image[32768:], "\x01CD001\x01\x00")
	copy(image[32768+40:], "PROA                            ")
	if err := os.WriteFile(dev, image, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := blockdev.ISOLabel(dev); got != "PROA" {
		t.Errorf("label %q", got)
	}
	if got := blockdev.ISOLabel(dev + "x"); got != "" {
		t.Errorf("label of nothing: %q", got)
	}
}

// TestDocument: the configuration in force is written with mode 0600; if the file cannot be read the previous one is
// used; a misnamed file is reported.
func TestDocument(t *testing.T) {
	m, f := machine(t, map[string]string{"boot/config.yaml": "k3s: {token: hunter2}\n", "boot/config.yaml.good": "hostname: before\n"})
	if got := calls(t, m, f, "read-config"); got != "# read-config\nwrite /run/proa/config.yaml 0600\n" || !strings.Contains(f.Files["/run/proa/config.yaml"], "token: hunter2") {
		t.Errorf("%s%q", got, f.Files)
	}
	if err := errors.Join(os.Remove(m.Path("/boot/config.yaml")), os.Mkdir(m.Path("/boot/config.yaml"), 0o755)); err != nil {
		t.Fatal(err)
	}
	calls(t, m, f, "read-config")
	if m.Config.Hostname != "before" || len(m.Problems) != 1 || !strings.Contains(m.Problems[0].Message, "config.yaml.good is used instead") {
		t.Errorf("unreadable: host name %q, %v", m.Config.Hostname, m.Problems)
	}
	for name, told := range map[string]bool{"config.yml": true, "config.yaml.txt": true, "Config.YML": true, "config (1).yaml": true, "config-old.yaml": true, "user-data": false, "user-data.txt": true, "config": true,
		"config.txt": false, "config.yaml.good": false, "cmdline.txt": false, "autoboot.txt": false, "blackbox": false, "CONFIG.T00": false, "config.yaml": false} {
		m, f := machine(t, map[string]string{"boot/" + name: "hostname: x\n"})
		calls(t, m, f, "read-config")
		if got := len(m.Problems) == 1 && m.Problems[0].File == "/boot/"+name && strings.Contains(m.Problems[0].Message, "is not read"); got != told {
			t.Errorf("%s: %v", name, m.Problems)
		}
	}
}

// TestReload: changes that a running machine applies; the machine's own configuration stays that of the boot.
func TestReload(t *testing.T) {
	m, f := machine(t, map[string]string{"boot/config.yaml": "hostname: a\n", "proc/cmdline": goodLine})
	calls(t, m, f, "read-config")
	f.Calls, f.Files = nil, nil
	next, _ := config.Parse("c", []byte("hostname: b\nsysctls: {vm.swappiness: 7}\nwrite_files: [{path: /etc/motd, content: hi}, {path: /etc/x, owner: nobody-knows}]\nk3s: {args: [--v=3]}\nssh_authorized_keys: ["+testKey+"]\n"))
	failed := m.Reload(t.Context(), next)
	if len(failed) != 1 || !strings.HasPrefix(failed[0], "write-files: ") || !strings.Contains(failed[0], "write_files[1] /etc/x: owner: no user") {
		t.Errorf("%q", failed)
	}
	if text := f.Files[timeline.Dir+"/reload.json"]; strings.Count(text, `"list": "reload"`) != len(Reloads()) {
		t.Errorf("timeline:\n%s", text)
	}
	for file, want := range map[string]string{"/proc/sys/vm/swappiness": "7", "/etc/motd": "hi", account.KeysDir + "/root/authorized_keys": testKey + "\n", service.K3sConfigFile: "v: \"3\"\n"} {
		if got := f.Files[file]; !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", file, got)
		}
	}
	if m.Config.Hostname != "a" || strings.Contains(f.String(), "hostname b") {
		t.Errorf("host name %q\n%s", m.Config.Hostname, f)
	}
}

const testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"
