package datasource

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/sys"
)

// device is a directory as the root of a machine. Its media are image files, which are unpacked where they are mounted.
type device struct {
	sys.Linux
	t      *testing.T
	root   string
	mounts []string
	broken bool // no medium can be mounted
}

func newDevice(t *testing.T) *device {
	t.Helper()
	for _, tool := range []string{"mkfs.fat", "mcopy", "xorriso"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	return &device{t: t, root: t.TempDir()}
}

func (d *device) Mount(source, target, fstype string, flags uintptr, data string) error {
	d.mounts = append(d.mounts, source+" "+fstype)
	if want := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC); flags != want {
		d.t.Errorf("mounted with flags %#x, want %#x", flags, want)
	}
	if d.broken {
		return unix.EIO
	}
	from, to := filepath.Join(d.root, source), filepath.Join(d.root, target)
	if fstype == "iso9660" {
		return d.run("xorriso", "-osirrox", "on", "-indev", from, "-extract", "/", to)
	}
	return d.run("mcopy", "-s", "-i", from, "::*", to)
}

func (d *device) Unmount(target string, _ int) error {
	d.mounts = append(d.mounts, "unmounted")
	return os.RemoveAll(filepath.Join(d.root, target))
}
func (d *device) MkdirAll(path string, perm os.FileMode) error {
	return os.MkdirAll(filepath.Join(d.root, path), perm)
}
func (d *device) WriteFile(path string, data []byte, perm os.FileMode) error {
	return d.Linux.WriteFile(filepath.Join(d.root, path), data, perm)
}

func (d *device) run(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return errors.New(strings.Join(argv, " ") + ": " + err.Error() + "\n" + string(out))
	}
	return nil
}

// plug makes a medium with files, as its makers do: a FAT by mkfs.fat and mcopy, an ISO by xorriso.
func (d *device) plug(name, fstype, label string, files map[string]string) {
	d.t.Helper()
	dir, image := d.t.TempDir(), filepath.Join(d.root, "dev", name)
	var top []string
	for file, text := range files {
		path := filepath.Join(dir, file)
		must(d.t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(d.t, os.WriteFile(path, []byte(text), 0o644))
		if first := filepath.Join(dir, strings.Split(file, "/")[0]); !slices.Contains(top, first) {
			top = append(top, first)
		}
	}
	must(d.t, errors.Join(os.MkdirAll(filepath.Dir(image), 0o755), os.MkdirAll(filepath.Join(d.root, "sys/class/block", name), 0o755)))
	_ = os.Remove(image) // of an earlier medium
	if fstype == "iso" {
		must(d.t, d.run("xorriso", "-as", "mkisofs", "-o", image, "-V", label, "-J", "-R", dir))
		return
	}
	must(d.t, os.WriteFile(image, nil, 0o600))
	must(d.t, os.Truncate(image, map[string]int64{"12": 1 << 20, "16": 16 << 20, "32": 64 << 20}[fstype]))
	must(d.t, d.run("mkfs.fat", "-F", fstype, "-n", label, image))
	must(d.t, d.run(append([]string{"mcopy", "-s", "-i", image}, append(top, "::")...)...))
}

func (d *device) refresh() ([]string, error) {
	f := Finder{Sys: d, Root: d.root, Disk: "vda", Logf: d.t.Logf}
	return f.Refresh(d.t.Context())
}

func (d *device) cached(file string) string {
	text, _ := os.ReadFile(filepath.Join(d.root, Cache, file))
	return string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const userData = "#cloud-config\nhostname: a\n"

// TestMedia: each kind of medium is read, and what it says is kept when it is gone, broken or garbled.
func TestMedia(t *testing.T) {
	for _, kind := range []string{"iso", "12", "16", "32"} {
		t.Run(kind, func(t *testing.T) {
			d := newDevice(t)
			label := map[bool]string{true: "cidata", false: "CIDATA"}[kind == "iso"]
			d.plug("sdb", kind, label, map[string]string{"meta-data": "instance-id: i-1\n", "user-data": userData})
			d.plug("vda", kind, label, map[string]string{"user-data": "#cloud-config\nhostname: own\n"})
			changed, err := d.refresh()
			if err != nil || !slices.Equal(changed, []string{"nocloud"}) || d.cached("nocloud/user-data") != userData || d.cached("nocloud/meta-data") != "instance-id: i-1\n" {
				t.Fatalf("%q, %v, %q", changed, err, d.cached("nocloud/user-data"))
			}
			if st, err := os.Stat(filepath.Join(d.root, Cache, "nocloud/user-data")); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", st, err)
			}
			if changed, err := d.refresh(); err != nil || len(changed) > 0 {
				t.Errorf("the same medium again: %q, %v", changed, err)
			}
			d.plug("sdb", kind, label, map[string]string{"user-data": "\x01\x02garbage\x00"})
			if changed, err := d.refresh(); err == nil || len(changed) > 0 || d.cached("nocloud/user-data") != userData {
				t.Errorf("garbage: %q, %v, %q", changed, err, d.cached("nocloud/user-data"))
			}
			d.plug("sdb", kind, label, map[string]string{"user-data": "#cloud-config\nhostname: c\nssh_author [\n"})
			if changed, err := d.refresh(); err == nil || len(changed) > 0 || d.cached("nocloud/user-data") != userData {
				t.Errorf("half a text: %q, %v, %q", changed, err, d.cached("nocloud/user-data"))
			}
			d.plug("sdb", kind, label, map[string]string{"user-data": "#cloud-config\nhostname: b\n"})
			if changed, err := d.refresh(); err != nil || len(changed) != 1 || d.cached("nocloud/user-data") != "#cloud-config\nhostname: b\n" || d.cached("nocloud/meta-data") != "" {
				t.Errorf("another medium: %q, %v, %q", changed, err, d.cached("nocloud/user-data"))
			}
			d.broken = true
			if changed, err := d.refresh(); err == nil || len(changed) > 0 || d.cached("nocloud/user-data") == "" {
				t.Errorf("broken: %q, %v", changed, err)
			}
			must(t, os.Remove(filepath.Join(d.root, "dev/sdb")))
			if changed, err := d.refresh(); err != nil || len(changed) > 0 || d.cached("nocloud/user-data") == "" {
				t.Errorf("gone: %q, %v", changed, err)
			}
		})
	}
}

// TestConfigDrive: OpenStack's layout, and no other file system than one with its label.
func TestConfigDrive(t *testing.T) {
	d := newDevice(t)
	d.plug("sr0", "iso", "config-2", map[string]string{"openstack/latest/meta_data.json": `{"hostname": "a", "public_keys": {"mine": "ssh-ed25519 AAAA"}}`, "openstack/latest/user_data": userData,
		"openstack/latest/vendor_data.json": `{"cloud-init": "#cloud-config\ntimezone: Europe/Berlin\n"}`, "openstack/latest/vendor_data2.json": "garbage", "openstack/latest/network_data.json": `{"links": [], "networks": [], "services": []}`})
	d.plug("sdc1", "iso", "data", map[string]string{"user-data": "#cloud-config\nhostname: other\n"})
	d.plug("fd0", "12", "CIDATA", map[string]string{"user-data": "#cloud-config\nhostname: other\n"})
	changed, err := d.refresh()
	if err != nil || !slices.Equal(changed, []string{"config-drive"}) || d.cached("config-drive/user_data") != userData || !strings.Contains(d.cached("config-drive/meta_data.json"), "public_keys") ||
		d.cached("config-drive/vendor-data") != "#cloud-config\ntimezone: Europe/Berlin\n" || d.cached("config-drive/vendor-data2") != "" || !strings.Contains(d.cached("config-drive/network_data.json"), "links") {
		t.Errorf("%q, %v", changed, err)
	}
	if want := []string{"/dev/sr0 iso9660", "unmounted"}; !slices.Equal(d.mounts, want) {
		t.Errorf("%q", d.mounts)
	}
}

// TestHostileMedium: a link does not lead out of the medium, and a huge file is not read as a whole.
func TestHostileMedium(t *testing.T) {
	d := newDevice(t)
	d.plug("sdb", "iso", "cidata", map[string]string{"user-data": "#cloud-config\n" + strings.Repeat("#\n", 4<<20)})
	if changed, err := d.refresh(); err == nil || len(changed) > 0 {
		t.Errorf("huge: %q, %v", changed, err)
	}
	secret := filepath.Join(t.TempDir(), "shadow")
	must(t, os.WriteFile(secret, []byte("hostname: secret\n"), 0o600))
	dir := t.TempDir()
	must(t, os.Symlink(secret, filepath.Join(dir, "user-data")))
	image := filepath.Join(d.root, "dev/sdb")
	must(t, os.Remove(image))
	must(t, d.run("xorriso", "-as", "mkisofs", "-o", image, "-V", "cidata", "-R", dir))
	if changed, err := d.refresh(); err == nil || len(changed) > 0 || d.cached("nocloud/user-data") != "" {
		t.Errorf("link: %q, %v, %q", changed, err, d.cached("nocloud/user-data"))
	}
}

// TestLabel: Windows changes the label in the root directory only.
func TestLabel(t *testing.T) {
	d := newDevice(t)
	d.plug("sdb", "16", "CIDATA", map[string]string{"user-data": userData})
	image := filepath.Join(d.root, "dev/sdb")
	if _, err := exec.LookPath("mlabel"); err != nil {
		t.Skip(err)
	}
	must(t, d.run("mlabel", "-i", image, "::OTHER"))
	if fstype, label := blockdev.Label(image); fstype != "vfat" || label != "OTHER" {
		t.Errorf("%s %q", fstype, label)
	}
}

// TestPermitted: a stick that somebody plugs in changes nothing on a machine that has a configuration, unless that
// permits it, or the medium was there first.
func TestPermitted(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		before bool // the medium has configured the machine
		want   bool
	}{
		"no configuration":    {"", false, true},
		"comments":            {"# nothing yet\nversion: 1\n", false, true},
		"a configuration":     {"hostname: b\n", false, false},
		"it permits media":    {"hostname: b\ndata_sources: [nocloud]\n", false, true},
		"it permits others":   {"data_sources: [config-drive]\n", false, false},
		"the medium was here": {"hostname: b\n", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			d.plug("sdb", "12", "CIDATA", map[string]string{"user-data": userData})
			boot := filepath.Join(d.root, BootDir)
			must(t, os.MkdirAll(boot, 0o755))
			if c.before {
				_, err := d.refresh()
				must(t, err)
			}
			must(t, os.WriteFile(filepath.Join(boot, "config.yaml"), []byte(c.config), 0o600))
			_, err := d.refresh()
			if got := d.cached("nocloud/user-data") == userData; got != c.want || (err == nil) != c.want {
				t.Errorf("read: %v, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), "data_sources: [nocloud] in config.yaml permits it") {
				t.Error(err)
			}
		})
	}
}
