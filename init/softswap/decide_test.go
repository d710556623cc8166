package softswap

import (
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/slot"
)

func TestLists(t *testing.T) { golden.Check(t, "sequence", Print()) }

func manifest(root, cmdline string, files ...string) slotfile.Manifest {
	m := slotfile.Manifest{Board: "pc", Cmdline: cmdline, Root: slotfile.Root{Hash: root}}
	for _, f := range files {
		name, sum, _ := strings.Cut(f, "=")
		m.Files = append(m.Files, slotfile.File{Name: name, SHA256: sum})
	}
	return m
}

// possible is a machine that can swap; its slots differ in what names them.
func possible() Facts {
	files := func(own string) []string {
		return []string{"boot/vmlinuz=1", "boot/initrd=2", "boot/dtb/a.dtb=3", "boot-a/grub.cfg=" + own, "boot-b/grub.cfg=" + own, "root.img=" + own}
	}
	return Facts{Trial: boot.Trial{Known: true, On: true, Left: 3, Other: slot.Standing{Good: true}}, Hash: "aa",
		Running: manifest("aa", "quiet proa.board=pc proa.roothash=aa proa.rootsize=4096", files("x")...),
		Next:    manifest("bb", "quiet proa.board=pc proa.roothash=bb proa.rootsize=8192", files("y")...)}
}

// TestWhy: each row takes away one thing that a soft swap needs, and the reason names it.
func TestWhy(t *testing.T) {
	if why := Why(possible()); len(why) > 0 {
		t.Fatalf("%q", why)
	}
	for _, c := range []struct {
		change func(*Facts)
		want   string
	}{
		{func(f *Facts) { f.Live = true }, "a live system has one slot only"},
		{func(f *Facts) { f.DataErr = errors.New("x") }, "the data partition is not mounted"},
		{func(f *Facts) { f.Trial.Known = false }, "the other slot is not on trial"},
		{func(f *Facts) { f.Trial.On = false }, "the other slot is not on trial"},
		{func(f *Facts) { f.Trial.Other.Good = false }, "the running slot is not good, and would be the fallback"},
		{func(f *Facts) { f.Hash = "cc" }, "the running slot's manifest is not that of the running system"},
		{func(f *Facts) { f.Next.Board = "rpi3" }, "the new slot is for the board rpi3"},
		{func(f *Facts) { f.Next.Files[0].SHA256 = "9" }, "the kernel is another one"},
		{func(f *Facts) { f.Next.Files[1].SHA256 = "9" }, "the initramfs is another one"},
		{func(f *Facts) { f.Next.Files[2].SHA256 = "9" }, "the device tree dtb/a.dtb is another one"},
		{func(f *Facts) { f.Next.Files[2].Name = "boot/dtb/b.dtb" }, "the device tree dtb/a.dtb is gone, the device tree dtb/b.dtb is another one"},
		{func(f *Facts) {
			f.Next.Files = append(f.Next.Files, slotfile.File{Name: "boot/config.txt", SHA256: "4"})
		}, "the boot file config.txt is another one"},
		{func(f *Facts) { f.Next.Cmdline = "quiet panic=1 proa.board=pc proa.roothash=bb" }, "the kernel command line is another one (quiet panic=1 proa.board=pc)"},
		{func(f *Facts) { f.Config = []string{"swap", "mounts"} }, "the configuration has changes that need a restart of the machine: swap, mounts"},
		{func(f *Facts) {
			for n := range 7 {
				f.Pods = append(f.Pods, Process{Pid: n, Name: "shim"})
			}
		}, "processes of pods use the running root: shim (0), shim (1), shim (2), shim (3), shim (4), and 2 more"},
		{func(f *Facts) { f.Lost = []string{"/etc/x"} }, "mount points have no place in the new root: /etc/x"},
	} {
		f := possible()
		c.change(&f)
		if why := strings.Join(Why(f), "; "); why != c.want {
			t.Errorf("%q, want %q", why, c.want)
		}
	}
	f := possible()
	f.DataErr, f.Trial.On = errors.New("x"), false
	if why := Why(f); len(why) != 2 {
		t.Errorf("of two reasons: %q", why)
	}
}

// TestPlan: which mounts are carried over, from the table of a real node.
func TestPlan(t *testing.T) {
	const table = `20 1 253:0 / / ro,relatime - erofs /dev/dm-0 ro
21 20 0:5 / /dev rw shared:1 - devtmpfs devtmpfs rw
30 21 0:30 / /dev/pts rw shared:9 - devpts devpts rw
22 20 0:20 / /run rw shared:2 - tmpfs tmpfs rw
23 20 0:21 / /etc rw shared:3 - overlay etc rw
31 23 254:5 /x /etc/app\040dir rw shared:4 - ext4 /dev/vda5 rw
25 22 254:5 / /run/proa/data rw - ext4 /dev/vda5 rw
26 20 254:5 /var /var rw shared:5 - ext4 /dev/vda5 rw
27 26 0:50 / /var/lib/kubelet/pods/1/volumes/a rw - tmpfs tmpfs rw
28 20 0:60 / /srv rw - tmpfs folders rw
29 28 0:61 / /srv rw - tmpfs folders rw
32 20 253:1 / /usr/libexec/proa/next ro - erofs /dev/dm-1 ro
33 32 0:70 / /usr/libexec/proa/next/etc rw - overlay etc rw
broken line
`
	carry, lost := plan(parseMounts(table), Next)
	if got := strings.Join(carry, " "); got != "/dev /run /var /srv" {
		t.Errorf("carried over: %s", got)
	}
	if len(lost) != 1 || lost[0] != "/etc/app dir" {
		t.Errorf("lost: %q", lost)
	}
}
