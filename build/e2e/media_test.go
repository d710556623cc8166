package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// medium is a disk as a hypervisor gives it to its machines: made by the tools that their users have.
type medium struct {
	label string
	files map[string]string // %KEY% is replaced by the test's SSH key
}

// fat makes the medium as a file system of DOS, as a USB stick has it.
func (d medium) fat(m *machine) string {
	m.t.Helper()
	image := filepath.Join(m.t.TempDir(), "fat.img")
	hostTool(m.t, "mkfs.vfat", "-C", "-n", strings.ToUpper(d.label), image, "8192")
	for name := range d.files {
		hostTool(m.t, "mcopy", "-i", image, filepath.Join(d.folder(m), name), "::"+name)
	}
	return image
}

// iso makes the medium as a CD.
func (d medium) iso(m *machine) string {
	m.t.Helper()
	image := filepath.Join(m.t.TempDir(), "cd.iso")
	hostTool(m.t, "xorriso", "-as", "mkisofs", "-quiet", "-V", d.label, "-J", "-r", "-o", image, d.folder(m))
	return image
}

func (d medium) folder(m *machine) string {
	m.t.Helper()
	dir := m.t.TempDir()
	for name, text := range d.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "%KEY%", m.key.Authorized)), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	return dir
}

func hostTool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// withMedium is a machine with a second disk. Without a configuration it is the one of a hypervisor's template.
func withMedium(t *testing.T, config string) *machine {
	t.Helper()
	return prepare(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: config})
}

// TestNoCloud: a machine that has no configuration takes that of a second disk labelled cidata: host name, key,
// network, commands. Without the disk it starts with the same configuration. One that has its own configuration takes
// nothing from such a disk, and says so.
func TestNoCloud(t *testing.T) {
	needs(t, "media")
	t.Run("template", func(t *testing.T) {
		t.Parallel()
		m := withMedium(t, "")
		m.spec.Extra = []string{medium{"cidata", map[string]string{
			"meta-data":      "instance-id: i-1\nlocal-hostname: dock-9\n",
			"user-data":      "#cloud-config\nssh_authorized_keys: ['%KEY%']\nruncmd: ['echo by command > /var/lib/said']\nk3s: {enabled: false}\n",
			"network-config": "version: 2\nethernets:\n  card: {match: {driver: 'virtio*'}, dhcp4: true, addresses: [192.0.2.77/24]}\n",
		}}.fat(m)}
		m.powerOn()
		m.until("cat /var/lib/said", "by command", bootBudget)
		m.says("root", "hostname; ip -4 -o addr | grep -c 192.0.2.77", "dock-9\n1\n")
		m.off()
		m.spec.Extra = nil
		m.powerOn()
		m.says("root", "hostname; ip -4 -o addr | grep -c 192.0.2.77", "dock-9\n1\n")
	})
	t.Run("intruder", func(t *testing.T) {
		t.Parallel()
		m := withMedium(t, "version: 1\nhostname: mine\nssh_authorized_keys: ['%KEY%']\nk3s: {enabled: false}\n")
		m.spec.Extra = []string{medium{"cidata", map[string]string{
			"meta-data": "instance-id: i-2\nlocal-hostname: theirs\n",
			"user-data": "#cloud-config\nruncmd: ['touch /var/lib/said']\n",
		}}.iso(m)}
		m.powerOn()
		m.until("proa status", "this machine has a configuration", bootBudget)
		m.says("root", "hostname; ls /var/lib/said 2>/dev/null | wc -l; ls /var/lib/proa/sources/nocloud 2>/dev/null | wc -l", "mine\n0\n0\n")
	})
}

// TestConfigDrive: the same by OpenStack's medium, a CD labelled config-2.
func TestConfigDrive(t *testing.T) {
	needs(t, "media")
	m := withMedium(t, "")
	m.spec.Extra = []string{medium{"config-2", map[string]string{
		"openstack/latest/meta_data.json": `{"uuid": "1", "hostname": "quay-4", "public_keys": {"mine": "%KEY%"}}`,
		"openstack/latest/user_data":      "#cloud-config\nk3s: {enabled: false}\n",
	}}.iso(m)}
	m.powerOn()
	m.says("root", "hostname", "quay-4\n")
}
