// Package sdboot names, writes and reads systemd-boot's entries of the two slots, with its boot counters in
// the file name: proa-b+2-1.conf has two tries left and one made. systemd-boot counts; userspace blesses by
// renaming. Entries that are not proa's are left alone, and unified kernel images are not written.
package sdboot

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// MaxTries is how often a new slot is started before the other one is again.
const MaxTries = 3

// Dir is where entries lie in the boot partition.
const Dir = "loader/entries"

// Name is a parsed file name in Dir.
type Name struct {
	Slot    layout.Slot
	Counted bool // false: blessed
	Left    int  // tries left
	Done    int  // tries made
}

var names = regexp.MustCompile(`^proa-([ab])(?:\+([0-9]+)(?:-([0-9]+))?)?\.conf$`)

// ParseName reads a file name; ok is false for entries that are none of proa's. FAT drivers may fold case.
func ParseName(file string) (n Name, ok bool) {
	m := names.FindStringSubmatch(strings.ToLower(file))
	if m == nil {
		return Name{}, false
	}
	left, err := number(m[2])
	done, err2 := number(m[3])
	return Name{layout.Slot(m[1]), m[2] != "", left, done}, err == nil && err2 == nil
}

func number(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.Atoi(s)
}

// String is the file name.
func (n Name) String() string {
	switch {
	case !n.Counted:
		return fmt.Sprintf("proa-%s.conf", n.Slot)
	case n.Done == 0:
		return fmt.Sprintf("proa-%s+%d.conf", n.Slot, n.Left)
	}
	return fmt.Sprintf("proa-%s+%d-%d.conf", n.Slot, n.Left, n.Done)
}

// Blessed is the name without counters: what the file of a good slot is renamed to.
func (n Name) Blessed() Name { return Name{Slot: n.Slot} }

// Last says that systemd-boot starts it only when there is nothing else.
func (n Name) Last() bool { return n.Counted && n.Left == 0 }

// Failed says that all tries were used up.
func (n Name) Failed() bool { return n.Last() && n.Done > 0 }

// Trial is the name of the entry of a slot that has not been tried yet.
func Trial(slot layout.Slot) Name { return Name{Slot: slot, Counted: true, Left: MaxTries} }

// Waiting is the name of the entry of a slot that was written, but that nobody has asked to try yet: proa-b+0.conf.
func Waiting(slot layout.Slot) Name { return Name{Slot: slot, Counted: true} }

// Entry is the content of an entry file.
type Entry struct {
	Slot     layout.Slot
	Title    string // "proa v1.2 (slot a)"
	Sequence uint64 // the higher one is started first; a trial takes the other slot's + 1
	Cmdline  string
}

// Text is the file. systemd-boot sorts by sort-key, then by version, highest first, and entries without
// tries left behind all others.
func (e Entry) Text() []byte {
	return fmt.Appendf(nil, "title %s\nsort-key proa\nversion %d\nlinux /slots/%[3]s/vmlinuz\ninitrd /slots/%[3]s/initrd\noptions %[4]s\n",
		e.Title, e.Sequence, e.Slot, e.Cmdline)
}

// ParseEntry reads what Text wrote.
func ParseEntry(text []byte) (Entry, error) {
	var e Entry
	for _, line := range strings.Split(string(text), "\n") {
		key, value, _ := strings.Cut(line, " ")
		var err error
		switch key {
		case "title":
			e.Title = value
		case "version":
			e.Sequence, err = strconv.ParseUint(value, 10, 64)
		case "linux":
			e.Slot, err = layout.ParseSlot(strings.TrimSuffix(strings.TrimPrefix(value, "/slots/"), "/vmlinuz"))
		case "options":
			e.Cmdline = value
		}
		if err != nil {
			return Entry{}, fmt.Errorf("entry: %s: %w", key, err)
		}
	}
	if e.Slot == layout.Shared {
		return Entry{}, fmt.Errorf("entry: no linux line")
	}
	return e, nil
}

// LoaderConf is /loader/loader.conf: no menu, and no entries of other systems found by chance.
func LoaderConf() []byte {
	return []byte("timeout 0\neditor no\nauto-entries no\nauto-firmware no\nconsole-mode keep\n")
}
