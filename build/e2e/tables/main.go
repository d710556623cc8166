// Command tables is an init that has the kernel read every disk of images/gpt/gpttest: after each power cut the kernel
// must see the partitions of the old table or of the new one. Where a sector was torn, or a copy was damaged before, it
// must once proa has repaired the table.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/gpt/gpttest"
	"github.com/proa-os/proa/images/layout"
)

const (
	device       = "/dev/loop0"
	compressed   = 4 // MODULE_INIT_COMPRESSED_FILE
	shownFailing = 20
)

func main() {
	if err := judge(); err != nil {
		fmt.Println("tables: error:", err)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // PID 1 never exits
}

func judge() error {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	module, err := os.Open("/loop.ko.xz")
	if err != nil {
		return err
	}
	if err := unix.FinitModule(int(module.Fd()), "", compressed); err != nil {
		return fmt.Errorf("load loop: %w", err)
	}
	changes, err := gpttest.All()
	if err != nil {
		return err
	}
	failed := 0
	for _, c := range changes {
		n, err := ask(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		failed += n
	}
	fmt.Printf("tables: %d changes, %d failed\n", len(changes), failed)
	return nil
}

// ask counts the states in which the kernel does not see the right partitions.
func ask(c gpttest.Change) (failed int, err error) {
	f, err := os.Create("/tmp/disk")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	asIs := 0
	for _, s := range c.States {
		if err := errors.Join(f.Truncate(0), f.Truncate(c.Size), c.Before.CopyTo(f, 0), s.Apply(f)); err != nil {
			return failed, err
		}
		taken, seen, err := look(f, c, false)
		if taken {
			asIs++
			continue
		}
		if err == nil && (s.Torn || c.Damaged) {
			taken, seen, err = look(f, c, true)
		}
		if !taken || err != nil {
			if failed++; failed < shownFailing {
				fmt.Printf("tables: FAILED %s: %s: %v %v\n", c.Name, s.Name, seen, err)
			}
		}
	}
	fmt.Printf("tables: %s: %d states, %d taken as they are, %d failed\n", c.Name, len(c.States), asIs, failed)
	return failed, nil
}

// look says whether the kernel sees the old or the new partitions on the file as a disk; with repaired, after proa has
// repaired the table.
func look(f *os.File, c gpttest.Change, repaired bool) (taken bool, seen map[string]string, err error) {
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return false, nil, err
	}
	defer loop.Close()
	config := unix.LoopConfig{Fd: uint32(f.Fd()), Size: layout.Sector, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_PARTSCAN}}
	if err := unix.IoctlLoopConfigure(int(loop.Fd()), &config); err != nil {
		return false, nil, fmt.Errorf("loop: %w", err)
	}
	defer func() { err = errors.Join(err, unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_CLR_FD, 0)) }()
	if repaired {
		if _, err := gpt.Repair(loop, c.Size); err != nil {
			return false, nil, err
		}
		if err := unix.IoctlSetInt(int(loop.Fd()), unix.BLKRRPART, 0); err != nil {
			return false, nil, fmt.Errorf("read the table again: %w", err)
		}
	}
	seen, err = partitions()
	return maps.Equal(seen, listed(c.Old)) || maps.Equal(seen, listed(c.New)), seen, err
}

// partitions returns the partitions that the kernel sees on the device: first sector and size, by number.
func partitions() (map[string]string, error) {
	seen := map[string]string{}
	dirs, err := filepath.Glob("/sys/block/loop0/loop0p*")
	for _, dir := range dirs {
		var text [3]string
		for i, name := range []string{"partition", "start", "size"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			text[i] = strings.TrimSpace(string(b))
		}
		seen[text[0]] = text[1] + "+" + text[2]
	}
	return seen, err
}

func listed(t layout.Table) map[string]string {
	want := map[string]string{}
	for _, p := range t {
		want[strconv.Itoa(p.Index)] = fmt.Sprintf("%d+%d", p.FirstLBA(), p.Size/layout.Sector)
	}
	return want
}
