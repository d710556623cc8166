package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
)

// loop is a disk of the real kernel on a file. Tests that need it are skipped without loop devices.
type loop struct {
	Disk
	t      *testing.T
	f      *os.File
	target string
	said   strings.Builder
}

func newLoop(t *testing.T, size int64) *loop {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: no loop devices")
	}
	for _, tool := range []string{"losetup", "mkfs.ext4", "e2fsck", "resize2fs"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	f, _ := image(t, size)
	l := &loop{t: t, f: f, target: t.TempDir()}
	l.Sys, l.Logf = sys.Linux{Runner: run}, func(format string, args ...any) { fmt.Fprintf(&l.said, format+"\n", args...) }
	l.attach()
	t.Cleanup(func() { l.detach() })
	return l
}

// run runs a command and reports like PID 1's runner.
func run(ctx context.Context, argv ...string) (string, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = &proc.ExitError{Name: argv[0], Code: exit.ExitCode(), Said: string(out)}
	}
	return string(out), err
}

// attach attaches the file as a disk with the partitions in its table, like a kernel at boot.
func (l *loop) attach() {
	out, err := exec.Command("losetup", "--find", "--show", "--partscan", l.f.Name()).Output()
	if err != nil {
		l.t.Skip("no loop device: ", err)
	}
	l.Name = filepath.Base(strings.TrimSpace(string(out)))
	dev, _, table, err := open("/dev/" + l.Name)
	must(l.t, err)
	defer dev.Close()
	if p, err := table.Find(layout.Data, layout.Shared); err == nil {
		must(l.t, tellKernel(dev, p, blkpgAdd))
		l.node(p)
	}
}

func (l *loop) detach() {
	_ = unix.Unmount(l.target, 0) // it may not be mounted
	_ = exec.Command("partx", "-d", "/dev/"+l.Name).Run()
	must(l.t, exec.Command("losetup", "-d", "/dev/"+l.Name).Run())
}

// node waits for the partition's device node, and creates it if nothing else does.
func (l *loop) node(p layout.Partition) {
	name := PartitionName(l.Name, p.Index)
	if waitFile("/dev/"+name, 100*time.Millisecond) == nil {
		return
	}
	l.t.Skip("no device files of partitions: ", name)
}

func (l *loop) mount() error {
	l.said.Reset()
	return l.Mount(l.t.Context(), l.target)
}

func (l *loop) size() int64 {
	var st unix.Statfs_t
	must(l.t, unix.Statfs(l.target, &st))
	return int64(st.Blocks) * int64(st.Bsize)
}

func (l *loop) write(name string) {
	must(l.t, os.WriteFile(filepath.Join(l.target, name), []byte(name), 0o600))
}

func (l *loop) has(name string) bool {
	_, err := os.Stat(filepath.Join(l.target, name))
	return err == nil
}

// restart unmounts, changes the disk and mounts again, like a reboot.
func (l *loop) restart(change func()) error {
	l.t.Helper()
	l.detach()
	change()
	l.attach()
	return l.mount()
}

// data returns the data partition in the table.
func (l *loop) data() layout.Partition {
	l.t.Helper()
	size, err := l.f.Seek(0, 2)
	must(l.t, err)
	table, _, err := gpt.Read(l.f, size)
	must(l.t, err)
	p, err := table.Find(layout.Data, layout.Shared)
	must(l.t, err)
	return p
}

// zero returns a function that overwrites a range with zeros, as a worn card does.
func (l *loop) zero(at, n int64) func() {
	return func() {
		_, err := l.f.WriteAt(make([]byte, n), at)
		must(l.t, err)
	}
}

const loopSize = 1024 * layout.MiB

// TestFirstStart: the first mount creates the file system and removes the mark; the second one finds the files.
func TestFirstStart(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	l.write("first")
	if l.data().Blank {
		t.Error("mounted, and still marked as holding nothing")
	}
	if err := l.restart(func() {}); err != nil || !l.has("first") || strings.Contains(l.said.String(), "making a file system") {
		t.Errorf("%v, first: %v\n%s", err, l.has("first"), l.said.String())
	}
}

// TestInterruptedFormat: as long as the mark is there the partition is formatted, whatever it contains.
func TestInterruptedFormat(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	l.write("of an earlier life")
	for name, change := range map[string]func(){
		"before mkfs wrote anything": func() {},
		"in the midst of mkfs":       l.zero(l.data().Start, layout.MiB),
	} {
		mark := func() {
			p := l.data()
			p.Blank = true
			must(t, gpt.SetBlank(l.f, loopSize, p))
			change()
		}
		if err := l.restart(mark); err != nil || l.has("of an earlier life") || l.data().Blank {
			t.Errorf("%s: %v, old file there: %v, blank: %v", name, err, l.has("of an earlier life"), l.data().Blank)
		}
	}
}

// TestSuperblockGone: if the primary superblock is lost but not the files, they are recovered.
func TestSuperblockGone(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	for n, name := range []string{"first", "second"} { // zeros, then other data
		l.write(name)
		junk := strings.Repeat("\x00x"[n:n+1], 4096)
		err := l.restart(func() {
			_, err := l.f.WriteAt([]byte(junk), l.data().Start)
			must(t, err)
		})
		if err != nil || !l.has(name) {
			t.Errorf("%q: %v, file there: %v\n%s", junk[:1], err, l.has(name), l.said.String())
		}
	}
}

// TestNotOurs: a foreign file system is refused with its description and a way out, and not written to; the way out
// works.
func TestNotOurs(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	p := l.data()
	begin := func() []byte {
		b := make([]byte, 16*layout.MiB)
		_, err := l.f.ReadAt(b, p.Start)
		must(t, err)
		return b
	}
	wipe := func() {
		must(t, unix.Fallocate(int(l.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, p.Start, p.Size))
	}
	for want, change := range map[string]func(){
		"begins with zeros": wipe,
		"not ext4":          func() { wipe(); l.f.WriteAt([]byte("LUKS\xba\xbe"), p.Start) },
	} {
		var before []byte
		err := l.restart(func() { change(); before = begin() })
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "proa data erase") {
			t.Errorf("%s: %v", want, err)
		}
		if !bytes.Equal(before, begin()) {
			t.Errorf("%s: it was written to", want)
		}
	}
	must(t, l.Erase())
	if err := l.restart(func() {}); err != nil || l.data().Blank {
		t.Errorf("erased: %v", err)
	}
}

// TestGrowAfterALife: if the disk has grown the file system grows too, although it was mounted before and not
// unmounted.
func TestGrowAfterALife(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	l.write("first")
	before := l.size()
	must(t, l.restart(func() { must(t, l.f.Truncate(2*loopSize)) }))
	if !l.has("first") || l.data().Size < 2*loopSize-20*layout.MiB {
		t.Errorf("first: %v, %+v", l.has("first"), l.data())
	}
	if strings.Contains(l.said.String(), "Permission denied") { // root in a container without the capability
		t.Skip(l.said.String())
	}
	if after := l.size(); after < before+loopSize*9/10 {
		t.Errorf("%d MiB, was %d\n%s", after>>20, before>>20, l.said.String())
	}
}

// TestRevive: a disk on which the kernel sees no partitions gets its table back.
func TestRevive(t *testing.T) {
	l := newLoop(t, loopSize)
	must(t, l.mount())
	l.detach()
	before := tables(t, l.f)
	for name, lba := range map[string]int64{"MBR": 0, "header": 1, "entries": 2} {
		l.zero(lba*layout.Sector, layout.Sector)()
		out, err := exec.Command("losetup", "--find", "--show", l.f.Name()).Output()
		must(t, err)
		dev := strings.TrimSpace(string(out))
		done, err := Revive(dev)
		if done == "" || err != nil && !errors.Is(err, unix.EINVAL) { // a loop device without partition support
			t.Errorf("%s: %q, %v", name, done, err)
		}
		if again, err := Revive(dev); again != "" || err != nil {
			t.Errorf("%s, again: %q, %v", name, again, err)
		}
		must(t, exec.Command("losetup", "-d", dev).Run())
		if !bytes.Equal(before, tables(t, l.f)) {
			t.Errorf("%s: it is not the table of before", name)
		}
	}
	l.attach()
}
