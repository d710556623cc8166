package usermount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// inside says that the test runs in a mount namespace of its own.
const inside = "PROA_TEST_MOUNTS"

// TestMounts: the kernel's mount table after Start, for a tmpfs, a bind mount below it that is listed first, options that
// only programs reading fstab know, a folder below a read-only root, and a file system that this kernel lacks.
func TestMounts(t *testing.T) {
	if os.Getenv(inside) == "" {
		cmd := exec.Command("unshare", "--mount", os.Args[0], "-test.run=^TestMounts$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(string(out), "Operation not permitted") {
			t.Skipf("no namespace: %s", out)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	s := sys.Linux{}
	must(t, s.Mount("root", "/mnt", "tmpfs", 0, ""), s.Mount("", "/mnt", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	m := &Mounter{Sys: s, Logf: t.Logf, wait: 5 * time.Second}
	err := m.Start(t.Context(), []config.Mount{
		{Device: dir, Path: "/mnt/a/b/c", Options: []string{"bind"}},
		{Device: "tmpfs", Path: "/mnt/a/b", Type: "tmpfs", Options: []string{"defaults", "nofail", "x-systemd.automount", "size=1m", "noatime"}},
		{Device: "tmpfs", Path: "/mnt/d", Type: "tmpfs", Options: []string{"suid", "ro"}},
		{Device: "/dev/null", Path: "/mnt/e", Options: []string{"nofail"}},
		{Device: "tmpfs", Path: "/mnt/f", Type: "tmpfs", Options: []string{"noauto"}},
	})
	if err == nil || strings.Count(err.Error(), "mounts[") != 2 || !strings.Contains(err.Error(), "mounts[3] /mnt/e: ") || !strings.Contains(err.Error(), "noauto") {
		t.Error(err)
	}
	for end := time.Now().Add(5 * time.Second); !strings.Contains(m.States()[3].Reason, "/dev/null is not a block device") && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if why := m.States()[3].Reason; !strings.Contains(why, "/dev/null is not a block device") || strings.Contains(why, "dmesg") {
		t.Error(why)
	}
	table, _ := os.ReadFile("/proc/self/mounts")
	for _, want := range []string{"tmpfs /mnt/a/b tmpfs rw,nosuid,nodev,noatime,size=1024k", "folders /mnt tmpfs rw,nosuid,nodev,noexec", " /mnt/a/b/c ", "tmpfs /mnt/d tmpfs ro,nodev,"} {
		if !strings.Contains(string(table), want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if st := m.States(); !st[0].Mounted || !st[1].Mounted || !st[2].Mounted || st[3].Mounted {
		t.Errorf("%v", st)
	}
	later := &Mounter{Sys: s, Logf: t.Logf, wait: 5 * time.Second, Adopt: true}
	err = later.Start(t.Context(), []config.Mount{{Device: dir, Path: "/mnt/a/b/c", Options: []string{"bind"}}, {Device: "tmpfs", Path: "/mnt/d", Type: "tmpfs"}})
	again, _ := os.ReadFile("/proc/self/mounts")
	if err != nil || string(again) != string(table) || !later.States()[0].Mounted || !later.States()[1].Mounted {
		t.Errorf("mounted again by another PID 1: %v\n%s", err, again)
	}
}

// TestDisk: a file system is found by its label on a disk that the kernel has, and one of another kind is named.
func TestDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disk")
	if out, err := exec.Command("mkfs.ext4", "-q", "-L", "proa-test-label", file, "4M").CombinedOutput(); err != nil {
		t.Skipf("mkfs.ext4: %v %s", err, out)
	}
	loop, err := exec.Command("losetup", "--find", "--show", file).CombinedOutput()
	if err != nil {
		t.Skipf("losetup: %v %s", err, loop)
	}
	device, dir := strings.TrimSpace(string(loop)), t.TempDir()
	defer exec.Command("losetup", "--detach", device).Run()
	m := &Mounter{Sys: sys.Linux{}, Logf: t.Logf, wait: 5 * time.Second}
	err = m.Start(t.Context(), []config.Mount{{Device: "LABEL=proa-test-label", Path: dir, Options: []string{"noatime"}}})
	var st unix.Statfs_t
	if err := errors.Join(err, unix.Statfs(dir, &st)); err != nil || st.Type != unix.EXT4_SUPER_MAGIC {
		t.Errorf("%v, type %x", err, st.Type)
	}
	must(t, sys.Linux{}.Unmount(dir, 0))
	out, err := sys.Linux{}.Run(t.Context(), "mount", "-t", "zfs", device, dir)
	if err := explained(err, out, "zfs"); err == nil || err.Error() != "this image has no file system zfs" {
		t.Errorf("%v of %q", err, out)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// disks is a machine that runs from vda, with a second disk.
func disks(t *testing.T) string {
	root := t.TempDir()
	for name, text := range map[string]string{
		"dev/vda": "", "dev/vda5": "", "dev/vdb1": "", "dev/dm-0": "", "dev/vdab": "",
		"sys/block/vda/vda5/uevent": "", "sys/class/block/vda5/uevent": "PARTNAME=data\nPARTUUID=AB-5\n",
		"sys/class/block/vdb1/uevent": "PARTNAME=photos\nPARTUUID=ab-1\n",
	} {
		p := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o600))
	}
	return root
}

// TestSources: how a device is found, and that none of the disk of the system is taken.
func TestSources(t *testing.T) {
	f := &sys.Fake{Out: map[string]string{"blkid": "/dev/vda5: LABEL=\"proa-data\" UUID=\"aa-bb\" TYPE=\"ext4\"\n/dev/vdb1: LABEL=\"my photos\" UUID=\"CC-DD\" TYPE=\"vfat\"\n"}}
	m := &Mounter{Sys: f, Root: disks(t), Disk: "vda", System: "/dev/dm-0"}
	for device, want := range map[string]string{
		"/dev/vdb1": "/dev/vdb1", "LABEL=my photos": "/dev/vdb1", "UUID=cc-dd": "/dev/vdb1", "PARTUUID=AB-1": "/dev/vdb1", "PARTLABEL=photos": "/dev/vdb1",
		"/dev/disk/by-label/my photos": "/dev/vdb1", "/dev/vdab": "/dev/vdab",
		"LABEL=photos": "no device with this LABEL yet", "/dev/vdc": "no device /dev/vdc yet", "/dev/disk/by-id/x": "no such links here", "ID=x": "none of LABEL=", "photos": "neither a device",
		"LABEL=proa-data": "disk that proa runs from", "PARTLABEL=data": "disk that proa runs from", "PARTUUID=ab-5": "disk that proa runs from", "/dev/vda5": "disk that proa runs from",
		"/dev/vda": "disk that proa runs from", "/dev/dm-0": "disk that proa runs from", "server:/export": "server:/export", "//server/share": "//server/share",
	} {
		got, err := m.source(t.Context(), config.Mount{Device: device})
		if text := strings.TrimPrefix(fmt.Sprintf("%s %v", got, err), " "); !strings.Contains(text, want) || err != nil && got == want {
			t.Errorf("%s: %q, %v", device, got, err)
		}
	}
}

// slow is a kernel whose mount takes some time, and knows a disk only later.
type slow struct {
	sys.Fake
	hang chan struct{}
}

func (s *slow) Run(ctx context.Context, argv ...string) (string, error) {
	if slices.Contains(argv, "/mnt/hangs") {
		<-s.hang
	}
	return s.Fake.Run(ctx, argv...)
}

// TestSlow: a disk that hangs keeps neither the boot nor another one; one that appears late is mounted then; a server is
// not waited for.
func TestSlow(t *testing.T) {
	root := disks(t)
	s := &slow{hang: make(chan struct{})}
	defer close(s.hang)
	m := &Mounter{Sys: s, Root: root, Disk: "vda", Logf: t.Logf, Served: func() bool { return false }, wait: 500 * time.Millisecond}
	began := time.Now()
	err := m.Start(t.Context(), []config.Mount{{Device: "/dev/vdb1", Path: "/mnt/hangs"}, {Device: "/dev/vdb1", Path: "/mnt/good"}, {Device: "/dev/vdz1", Path: "/mnt/late"}, {Device: "s:/x", Path: "/mnt/s", Type: "nfs"}})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if err == nil || !strings.Contains(err.Error(), "mounts[2] /mnt/late: no device /dev/vdz1 yet") || strings.Contains(err.Error(), "mounts[1]") || strings.Contains(err.Error(), "mounts[3]") {
		t.Error(err)
	}
	must(t, os.WriteFile(root+"/dev/vdz1", nil, 0o600))
	for end := time.Now().Add(10 * time.Second); !m.States()[2].Mounted && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if st := m.States(); !st[1].Mounted || !st[2].Mounted || st[0].Mounted || st[3].String() != "/mnt/s: not mounted: waits for the network" {
		t.Errorf("%v", st)
	}
}

// TestOptions: the kernel is told the server's address, by each file system's own name for it.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		m    config.Mount
		want string
	}{
		{config.Mount{Device: "127.0.0.1:/x", Type: "nfs4", Options: []string{"ro"}}, "nodev,nosuid,ro,addr=127.0.0.1,clientaddr=127.0.0.1"},
		{config.Mount{Device: "[::1]:/x", Type: "nfs"}, "nodev,nosuid,addr=::1,clientaddr=::1"},
		{config.Mount{Device: "//127.0.0.1/share", Type: "cifs", Options: []string{"username=a"}}, "nodev,nosuid,username=a,ip=127.0.0.1"},
		{config.Mount{Device: "/dev/sda1", Options: []string{"defaults", "user", "dev"}}, "nodev,nosuid,dev"},
	} {
		got, err := options(t.Context(), c.m)
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%v: %q, %v", c.m, got, err)
		}
	}
	if _, err := options(t.Context(), config.Mount{Type: "cifs", Options: []string{"credentials=/etc/c"}}); err == nil {
		t.Error("credentials were accepted, and nothing reads them")
	}
}
