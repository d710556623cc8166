package slot

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

// Starts says whether a file of a slot's directory makes the slot bootable, so that it belongs into Entry.Scripts.
func Starts(name string) bool { return slices.Contains(chain.Starters(), strings.ToLower(name)) }

// files is the only function that knows where a slot's boot files are.
func (b Boot) files(slot layout.Slot, write bool, do func(string) error) error {
	within := func(dir string) error {
		err := do(dir)
		if err == nil && write {
			err = b.flush(dir)
		}
		return err
	}
	dir := b.path(slot.Dir())
	switch {
	case b.Chain.OwnBoot:
		return b.Mount(slot, write, within)
	case !write:
		return within(dir)
	}
	return b.write(func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return within(dir)
	})
}

// clear removes the files that every boot loader on the disk needs, not only the current one's: a PC may boot with BIOS
// today and with UEFI tomorrow. It flushes that before it changes anything else.
func (b Boot) clear(slot layout.Slot) error {
	entries, err := b.entries(slot)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		err := b.write(func() error {
			for _, e := range entries {
				if err := b.remove(b.path(sdboot.Dir, e.file)); err != nil {
					return err
				}
			}
			return b.flush(b.path(sdboot.Dir))
		})
		if err != nil {
			return err
		}
	}
	return b.emptied(slot)
}

// maxReadOnly is how often the file system may become read-only while a slot is emptied: more often than files can have
// been left by power cuts.
const maxReadOnly = 16

// emptied empties the slot's directory. A power cut during a rename can leave a file under both names, which then share
// their clusters. When the second one is removed, the kernel finds clusters that are free already and makes the file
// system read-only (fat_free_clusters in fs/fat/fatent.c); the next change mounts it writable again.
func (b Boot) emptied(slot layout.Slot) error {
	for attempt := 1; ; attempt++ {
		err := b.files(slot, true, b.empty)
		if !errors.Is(err, unix.EROFS) || attempt == maxReadOnly {
			return err
		}
	}
}

// empty removes everything in dir, beginning with the files that make the slot bootable.
func (b Boot) empty(dir string) error {
	for _, name := range chain.Starters() {
		if err := b.remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := b.flush(dir); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := b.remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file; a missing one is no error.
func (b Boot) remove(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return b.do("remove "+filepath.Base(path), func() error { return os.RemoveAll(path) })
}

// enable writes the scripts, those that make the slot bootable last, and then systemd-boot's entry if there is a
// systemd-boot. The entry has no tries and the lowest version, so that it is the last choice until Try writes it again.
func (b Boot) enable(slot layout.Slot, e Entry) error {
	names := slices.Sorted(maps.Keys(e.Scripts))
	rest := slices.DeleteFunc(slices.Clone(names), Starts)
	names = append(rest, slices.DeleteFunc(names, func(n string) bool { return !Starts(n) })...)
	err := b.files(slot, true, func(dir string) error {
		for _, name := range names {
			if err := b.create(dir, name, e.Scripts[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	dir := b.path(sdboot.Dir)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	entry := sdboot.Entry{Slot: slot, Title: e.Title, Cmdline: e.Cmdline}
	return b.write(func() error { return b.create(dir, sdboot.Waiting(slot).String(), entry.Text()) })
}

// create writes a small file in dir; its name refers to the complete file or does not exist.
func (b Boot) create(dir, name string, text []byte) error {
	tmp := unused(dir)
	path := filepath.Join(dir, tmp)
	err := b.do("write "+tmp, func() error { return os.WriteFile(path, text, 0o600) })
	if err == nil {
		err = b.flush(path) // before the rename
	}
	if err == nil {
		err = b.do("rename "+tmp+" "+name, func() error { return os.Rename(path, filepath.Join(dir, name)) })
	}
	if err == nil {
		err = b.flush(dir)
	}
	return err
}

// unused returns a name for a new file. A temporary file left by a power cut may share its clusters with the file it
// was renamed to, so it is not reused.
func unused(dir string) string {
	for n := 1; ; n++ {
		name := "new.tmp"
		if n > 1 {
			name = fmt.Sprintf("new%d.tmp", n)
		}
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return name
		}
	}
}
