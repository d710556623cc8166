package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/timeline"
)

// kernelDir returns the directory of this kernel's modules below a root.
func kernelDir(t *testing.T) string {
	t.Helper()
	var u unix.Utsname
	ok(t, unix.Uname(&u))
	return "lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/"
}

// saying collects the log of a machine.
func saying(m *Machine) *strings.Builder {
	var said strings.Builder
	m.Logf = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	return &said
}

// TestIsLive: the command line selects the list of steps. In an initramfs without /proc that is mounted first.
func TestIsLive(t *testing.T) {
	for line, want := range map[string]bool{"quiet proa.mode=live": true, goodLine: false, "": false, "proa.mode=livery": false} {
		m, f := machine(t, map[string]string{"proc/cmdline": line})
		if m.IsLive() != want || len(f.Calls) != 0 {
			t.Errorf("%q: live is %t, calls:\n%s", line, !want, f)
		}
	}
	m, f := machine(t, nil)
	m.Sys = procMount{f, m, "proa.mode=live"}
	if !m.IsLive() || f.String() != "mkdir /proc 0755\nmount proc /proc proc 0xe\nunmount /proc 0x2\n" {
		t.Errorf("without /proc: calls:\n%s", f)
	}
	m, f = machine(t, nil)
	if f.Fail = map[string]error{"mount": unix.ENODEV}; m.IsLive() {
		t.Error("live, and nobody says so")
	}
}

// procMount is a kernel whose /proc has a command line once it is mounted.
type procMount struct {
	*sys.Fake
	m    *Machine
	line string
}

func (p procMount) Mount(source, target, fstype string, flags uintptr, data string) error {
	if err := p.Fake.Mount(source, target, fstype, flags, data); err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(p.m.Path("/proc"), 0o755), os.WriteFile(p.m.Path("/proc/cmdline"), []byte(p.line), 0o600))
}

// TestSwitchRoot: before the root is switched the state of stage 1 is saved for stage 2 and the console is flushed,
// because SwitchRoot does not return.
func TestSwitchRoot(t *testing.T) {
	m, f := machine(t, nil)
	m.Found = Found{Disk: "vda", Part: "vda3", Root: "/dev/dm-0", Trial: Trial{Known: true, On: true, Left: 2}}
	m.timeline = []step.Result{{List: "stage1", Name: "mount-root"}}
	m.Flush = func() { f.Calls = append(f.Calls, "flush") }
	ok(t, errors.Join(earlyMounts(t.Context(), m), mountRoot(t.Context(), m)))
	if !strings.HasPrefix(f.String(), "mkdir /proc 0755\nmount proc /proc proc 0xe\n") {
		t.Errorf("calls:\n%s", f)
	}
	_, last, _ := strings.Cut(f.String(), "mkdir "+newRoot)
	ok(t, switchRoot(t.Context(), m))
	_, calls, _ := strings.Cut(f.String(), "mkdir "+newRoot)
	want := " 0755\nmount /dev/dm-0 /mnt/root erofs 0x1\n"
	if last != want {
		t.Errorf("mount-root: %q", last)
	}
	want += "write /run/proa/stage1.json 0600\nmkdir /run/proa/timeline 0700\nwrite /run/proa/timeline/stage1.json 0600\nflush\nswitch-root /mnt/root /usr/sbin/init\n"
	if d := cmp.Diff(want, calls); d != "" {
		t.Error(d)
	}
	var found Found
	if err := json.Unmarshal([]byte(f.Files[Handover]), &found); err != nil || found != m.Found || !strings.Contains(f.Files[timeline.Dir+"/stage1.json"], "mount-root") {
		t.Errorf("handed over %+v, %v", found, err)
	}
	for _, broken := range []string{"mkdir " + newRoot, "mount /dev/dm-0"} {
		f.Fail = map[string]error{broken: unix.EIO}
		if err := mountRoot(t.Context(), m); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: %v", broken, err)
		}
	}
	for _, broken := range []string{"write " + Handover, "switch-root"} {
		f.Fail = map[string]error{broken: unix.EIO}
		if err := switchRoot(t.Context(), m); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: %v", broken, err)
		}
	}
	f.Fail = map[string]error{"write " + timeline.Dir: unix.ENOSPC}
	if err := switchRoot(t.Context(), m); err != nil {
		t.Errorf("a timeline that cannot be written keeps the machine from booting: %v", err)
	}
}

// TestMountBoot: the boot partition of the disk that has the root is mounted read-only, whatever other disks have; on a
// live system the medium is mounted there.
func TestMountBoot(t *testing.T) {
	m := disks(t, map[string]string{"usb/sda/sda2": "boot", "ata/sdb/sdb2": "boot", "ata/sdc/sdc2": "data"})
	f := m.Sys.(*sys.Fake)
	m.Line.Mode, m.Found.Disk = "disk", "sdb"
	ok(t, mountBoot(t.Context(), m))
	if f.String() != "mount /dev/sdb2 /boot vfat 0xf umask=0077,utf8=1\n" {
		t.Errorf("calls:\n%s", f)
	}
	for disk, why := range map[string]string{"sdc": "disk sdc has no partition named boot", "": "disk  has no partition named boot"} {
		m.Found.Disk = disk
		if err := mountBoot(t.Context(), m); err == nil || err.Error() != why {
			t.Errorf("%s: %v", disk, err)
		}
	}
	f.Calls, m.Line.Mode = nil, "live"
	ok(t, mountBoot(t.Context(), m))
	if f.String() != "mount /run/proa/medium /boot  0x1000\n" {
		t.Errorf("live: calls:\n%s", f)
	}
}

// TestDataInMemory: a machine whose data partition cannot be mounted uses memory, and stores the reason, because
// Kubernetes must not start; on a live system data is in memory without a reason.
func TestDataInMemory(t *testing.T) {
	for mode, failed := range map[string]bool{"disk": true, "live": false} {
		m, f := machine(t, nil)
		m.Line.Mode = mode
		err := mountData(t.Context(), m)
		if (err != nil) != failed || (m.DataErr != nil) != failed || f.String() != "mount data /run/proa/data tmpfs 0x4 mode=0755,size=75%\n" {
			t.Errorf("%s: %v, kept %v, calls:\n%s", mode, err, m.DataErr, f)
		}
	}
	m, f := machine(t, nil)
	f.Fail = map[string]error{"tmpfs": unix.ENOMEM}
	if err := mountData(t.Context(), m); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("no memory either: %v", err)
	}
}

// TestOverlayEtc: the overlay driver is loaded before /etc is mounted; without it nothing is mounted.
func TestOverlayEtc(t *testing.T) {
	dir := kernelDir(t)
	m, f := machine(t, map[string]string{dir + "modules.dep": "kernel/overlay.ko:\n"})
	ok(t, overlayEtc(t.Context(), m))
	module, mount := strings.Index(f.String(), "module /"+dir+"kernel/overlay.ko"), strings.Index(f.String(), "mount etc /etc overlay")
	if module < 0 || mount < module {
		t.Errorf("calls:\n%s", f)
	}
	for name, files := range map[string]map[string]string{"no such module": {dir + "modules.dep": "kernel/loop.ko:\n"}, "no index": nil} {
		m, f := machine(t, files)
		if err := overlayEtc(t.Context(), m); err == nil || strings.Contains(f.String(), "mount") {
			t.Errorf("%s: %v, calls:\n%s", name, err, f)
		}
	}
}

// TestPlugging: drivers of present devices are loaded at once if the boot needs them, and otherwise afterwards; drivers
// of devices that appear are loaded then. A driver without a device logs nothing, a failing one is logged, and neither
// fails the boot.
func TestPlugging(t *testing.T) {
	dir := kernelDir(t)
	m, f := machine(t, map[string]string{
		dir + "modules.dep":      "kernel/drivers/net/e1000.ko:\nkernel/sound/snd.ko:\nkernel/drivers/usb/usb-storage.ko:\n",
		dir + "modules.alias":    "alias pci:v00008086d0000100E* e1000\nalias pci:v00001274d* snd\nalias usb:v0781* usb_storage\n",
		"sys/devices/0/modalias": "pci:v00008086d0000100Esv0", "sys/devices/1/modalias": "pci:v00001274d5000",
	})
	said := saying(m)
	ok(t, openModules(m))
	ok(t, coldplug(t.Context(), m))
	m.PlugRest()
	m.hotplug(modules.Event{"ACTION": "remove", "MODALIAS": "usb:v0781p5581"})
	m.hotplug(modules.Event{"ACTION": "add"})
	if strings.Contains(f.String(), "usb-storage") {
		t.Errorf("a device that was pulled out has its driver loaded:\n%s", f)
	}
	m.hotplug(modules.Event{"ACTION": "add", "MODALIAS": "usb:v0781p5581", "DEVPATH": "/devices/usb1"})
	m.hotplug(modules.Event{"ACTION": "add", "MODALIAS": "usb:v0781p5581", "DEVPATH": "/devices/usb2"})
	for _, file := range []string{"drivers/net/e1000", "sound/snd", "drivers/usb/usb-storage"} {
		if n := strings.Count(f.String(), "kernel/"+file+".ko"); n != 1 {
			t.Errorf("%s was loaded %d times", file, n)
		}
	}
	if n := strings.Count(said.String(), "hotplug /devices/usb1: usb_storage\n"); n != 1 {
		t.Errorf("said:\n%s", said)
	}
	for err, want := range map[error]string{unix.EIO: "input/output error", unix.ENODEV: ""} {
		m, f := machine(t, map[string]string{dir + "modules.dep": "kernel/a.ko:\n", dir + "modules.alias": "alias x:* a\n", "sys/devices/0/modalias": "x:1"})
		said, f.Fail = saying(m), map[string]error{"a.ko": err}
		ok(t, openModules(m))
		if m.PlugRest(); (want == "") != (said.Len() == 0) || !strings.Contains(said.String(), want) {
			t.Errorf("%v: said %q", err, said)
		}
	}
}

// TestModprobe: requested modules are loaded with their dependencies; the exit code says whether all were.
func TestModprobe(t *testing.T) {
	dir := kernelDir(t)
	files := map[string]string{dir + "modules.dep": "kernel/nft.ko: kernel/nf.ko\nkernel/nf.ko:\n"}
	for args, want := range map[string]struct {
		code  int
		calls string
	}{
		"-q -- nft":     {0, "nf nft"},
		"nosuch nft":    {1, "nf nft"},
		"-q -- nosuch":  {1, ""},
		"nft refused":   {0, "nf nft"},
		"-q --":         {0, ""},
		"no-index here": {1, ""},
	} {
		m, f := machine(t, files)
		if args == "no-index here" {
			m.Root = t.TempDir()
		}
		var complaint strings.Builder
		code := m.Modprobe(strings.Fields(strings.Replace(args, " refused", "", 1)), &complaint)
		var loaded []string
		for _, c := range f.Calls {
			loaded = append(loaded, modules.Name(c))
		}
		if got := strings.Join(loaded, " "); code != want.code || got != want.calls || (code == 0) != (complaint.Len() == 0) {
			t.Errorf("%s: code %d, loaded %q, said %q", args, code, got, &complaint)
		}
	}
	m, f := machine(t, files)
	ok(t, m.loadAnew("nf", "size=2"))
	if !strings.Contains(f.String(), "kernel/nf.ko size=2\n") || m.Modules != nil {
		t.Errorf("calls:\n%s", f)
	}
	m.Root = t.TempDir()
	if err := m.loadAnew("nf", ""); err == nil {
		t.Error("loaded without an index")
	}
}

// TestEarlyModules: stage 1 loads file systems by name, then the modules of devices; a built-in module is no error.
func TestEarlyModules(t *testing.T) {
	dir := kernelDir(t)
	m, f := machine(t, map[string]string{dir + "modules.dep": "kernel/ahci.ko:\nkernel/erofs.ko:\n", dir + "modules.alias": "alias pci:* ahci\n",
		"sys/devices/0/modalias": "pci:v1"})
	said := saying(m)
	ok(t, loadEarlyModules(t.Context(), m))
	if f.String() != "module /"+dir+"kernel/erofs.ko\nmodule /"+dir+"kernel/ahci.ko\n" || !strings.Contains(said.String(), "modules not in this kernel: loop dm-mod") {
		t.Errorf("calls:\n%s\nsaid:\n%s", f, said)
	}
	m, f = machine(t, map[string]string{dir + "modules.dep": "kernel/erofs.ko:\n", "sys/devices/none/modalias": ""})
	f.Fail = map[string]error{"erofs": unix.ENOEXEC}
	if err := loadEarlyModules(t.Context(), m); !errors.Is(err, unix.ENOEXEC) && (err == nil || !strings.Contains(err.Error(), "exec format")) {
		t.Errorf("a module of another kernel: %v", err)
	}
	m, _ = machine(t, nil)
	if err := loadEarlyModules(t.Context(), m); err == nil || !strings.HasPrefix(err.Error(), "module index: ") {
		t.Errorf("no index: %v", err)
	}
}

// TestSlotAppearsLate: a disk whose driver is loaded while waiting is found; after half a minute the reasons are
// reported. Of two disks with the same slot the first is used, which is logged.
func TestSlotAppearsLate(t *testing.T) {
	image, hash := rootImage(t, "root")
	synctest.Test(t, func(t *testing.T) {
		m := disks(t, map[string]string{"usb/sda/sda3": "root-a", "ata/sdb/sdb3": "root-a"})
		said := saying(m)
		m.Line.Slot, m.Line.Root.Size, m.Line.Root.Hash = "a", imageSize, hash
		save(t, m.Path("/dev/sda3"), []byte("another root"))
		began := time.Now()
		err := findSlot(t.Context(), m)
		if err == nil || !strings.Contains(err.Error(), "waited 30 s: no partition root-a is valid: sda3: ") || !strings.Contains(err.Error(), "; sdb3: ") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took < deviceWait || took > deviceWait+time.Second {
			t.Errorf("waited %s", took)
		}
		go func() { time.Sleep(5 * time.Second); save(t, m.Path("/dev/sdb3"), image) }()
		ok(t, findSlot(t.Context(), m))
		if m.Found.Disk != "sdb" || m.Found.Part != "sdb3" || m.Found.Root != "/dev/sdb3" || strings.Contains(said.String(), "several") {
			t.Errorf("found %+v, said %s", m.Found, said)
		}
		save(t, m.Path("/dev/sda3"), image)
		ok(t, findSlot(t.Context(), m))
		if m.Found.Disk != "sda" || !strings.Contains(said.String(), "several disks have this slot: sda3, sdb3; using the first") {
			t.Errorf("found %+v, said %s", m.Found, said)
		}
	})
}

// TestWaitingLoadsDrivers: while waiting for a device, drivers of new devices are loaded every second.
func TestWaitingLoadsDrivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := machine(t, map[string]string{"modules/modules.dep": "usb.ko:\n", "modules/modules.alias": "alias usb:* usb\n", "sys/devices/none/modalias": ""})
		x, err := modules.Open(m.Path("/modules"), f.LoadModule)
		ok(t, err)
		m.Modules = x
		go func() {
			time.Sleep(3500 * time.Millisecond)
			save(t, m.Path("/sys/devices/0/modalias"), []byte("usb:v1"))
		}()
		began := time.Now()
		ok(t, waitFor(t.Context(), m, func() (bool, error) { return len(f.Calls) > 0, errors.New("no disk") }))
		if took := time.Since(began); took > 5*time.Second || !strings.Contains(f.String(), "usb.ko") {
			t.Errorf("loaded after %s:\n%s", took, f)
		}
	})
}

// TestReadBoxTells: the results of earlier trials are reported at every boot from a disk; a live system has none.
func TestReadBoxTells(t *testing.T) {
	for mode, want := range map[string]string{"disk": "FALLBACK slot b", "live": ""} {
		m, _ := machine(t, nil)
		said := saying(m)
		m.Line.Mode, m.Line.Slot, m.Line.Fallback = mode, "a", cmdline.Fallback{Slot: "b", Tries: 3}
		ok(t, readBox(t.Context(), m))
		if got := said.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: said %q", mode, got)
		}
	}
}

// TestDocumentPlace: only the configuration on a disk can be written; the partition is mounted writable during a change
// only.
func TestDocumentPlace(t *testing.T) {
	m, f := machine(t, nil)
	m.Line.Mode = "live"
	if _, err := m.DocumentPlace(); err == nil || !strings.Contains(err.Error(), "mode live") {
		t.Errorf("%v", err)
	}
	m.Line.Mode = "disk"
	p, err := m.DocumentPlace()
	ok(t, err)
	f.Fail = map[string]error{"mount  /boot  0x2e": unix.EROFS} // writable: without MS_RDONLY
	if err := p.Change(func() error { t.Error("changed though it cannot be written"); return nil }); !errors.Is(err, unix.EROFS) || p.Dir != BootDir {
		t.Errorf("%v, %s", err, p.Dir)
	}
}

// TestNoSlots: a live system has no boot state, and a restart does not help it.
func TestNoSlots(t *testing.T) {
	m, _ := machine(t, nil)
	if _, err := m.Slots(); !errors.Is(err, slot.ErrNoState) {
		t.Errorf("live: %v", err)
	}
	if Recoverable(m) {
		t.Error("a start without a slot can be made better by a restart")
	}
	if _, err := m.RootPartition(layout.B); err == nil {
		t.Error("a root partition on no disk")
	}
}
