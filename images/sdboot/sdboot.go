// Package sdboot names, writes and parses systemd-boot's entries of the two slots, whose boot counters are in the file
// name: proa-b+2-1.conf has two tries left and one made. systemd-boot counts down; userspace marks an entry good
// ("blesses" it) by renaming the file. Entries that are not proa's are left alone. Unified kernel images are not
// supported.
package sdboot

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// MaxTries is the number of times a new slot is started before systemd-boot goes back to the other one.
const MaxTries = bootstate.MaxTries

// Dir is the directory of the entries in the boot partition.
const Dir = "loader/entries"

// Name is the parsed file name of an entry in Dir.
type Name struct {
	Slot    layout.Slot
	Counted bool // false: no boot counter, so the slot is good
	Left    int  // tries left
	Done    int  // tries made
}

var names = regexp.MustCompile(`^proa-([ab])(?:\+([0-9]+)(?:-([0-9]+))?)?\.conf$`)

// ParseName parses a file name; ok is false for entries that are not proa's. Upper case is accepted, because FAT
// drivers may fold case.
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

// String returns the file name.
func (n Name) String() string {
	switch {
	case !n.Counted:
		return fmt.Sprintf("proa-%s.conf", n.Slot)
	case n.Done == 0:
		return fmt.Sprintf("proa-%s+%d.conf", n.Slot, n.Left)
	}
	return fmt.Sprintf("proa-%s+%d-%d.conf", n.Slot, n.Left, n.Done)
}

// Blessed returns the name without counters, which marks the slot good.
func (n Name) Blessed() Name { return Name{Slot: n.Slot} }

// Last says whether the tries are used up: systemd-boot then sorts the entry last.
func (n Name) Last() bool { return n.Counted && n.Left == 0 }

// Failed says whether all tries were made and used up.
func (n Name) Failed() bool { return n.Last() && n.Done > 0 }

// Trial returns the name of the entry of a slot that has all its tries left.
func Trial(slot layout.Slot) Name { return Name{Slot: slot, Counted: true, Left: MaxTries} }

// Waiting returns the name of the entry of a slot that was written but is not on trial yet: proa-b+0.conf.
func Waiting(slot layout.Slot) Name { return Name{Slot: slot, Counted: true} }

// Entry is the content of an entry file.
type Entry struct {
	Slot     layout.Slot
	Title    string // "proa v1.2 (slot a)"
	Sequence uint64 // the entry with the higher one is started first; a trial gets the other slot's + 1
	Cmdline  string
}

// Text returns the entry file. systemd-boot sorts by sort-key, then by version, highest first, and entries without
// tries left after all others.
func (e Entry) Text() []byte {
	return fmt.Appendf(nil, "title %s\nsort-key proa\nversion %d\nlinux %s\ninitrd /%s/%s\noptions %s\n",
		e.Title, e.Sequence, kernel(e.Slot), e.Slot.Dir(), layout.InitrdFile, e.Cmdline)
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
			e.Slot, err = slotOf(value)
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

// kernel returns the path of a slot's kernel, as an entry has it.
func kernel(s layout.Slot) string { return "/" + s.Dir() + "/" + layout.KernelFile }

func slotOf(path string) (layout.Slot, error) {
	for _, s := range layout.Slots() {
		if path == kernel(s) {
			return s, nil
		}
	}
	return layout.Shared, fmt.Errorf("%s is no slot's kernel", path)
}

// LoaderConf returns /loader/loader.conf: no menu, and no automatic entries for other systems.
func LoaderConf() []byte {
	return []byte("timeout 0\neditor no\nauto-entries no\nauto-firmware no\nconsole-mode keep\n")
}
