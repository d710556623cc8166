package slot

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

// sdbootSlots stores the state in the names of systemd-boot's entries, as systemd-boot itself does.
type sdbootSlots struct {
	boot    Boot
	current layout.Slot
}

func (s sdbootSlots) Current() layout.Slot { return s.current }
func (s sdbootSlots) Other() layout.Slot   { return s.current.Other() }

// found is one entry file of a slot.
type found struct {
	sdboot.Name
	sdboot.Entry
	file string
}

// all lists a slot's entry files, the one that systemd-boot prefers first. There is more than one if a power cut came
// between writing a new one and removing the old one: the one with the higher version is newer, and of two equal ones
// the blessed one counts.
func (s sdbootSlots) all(slot layout.Slot) (list []found, err error) {
	list, err = s.boot.entries(slot)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("slot %s has no entry", slot)
	}
	return list, err
}

func (b Boot) entries(slot layout.Slot) (list []found, err error) {
	entries, err := os.ReadDir(b.path(sdboot.Dir))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		n, ok := sdboot.ParseName(e.Name())
		if !ok || n.Slot != slot {
			continue
		}
		text, err := os.ReadFile(b.path(sdboot.Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		entry, _ := sdboot.ParseEntry(text) // one that cannot be read has no version, and is the last choice
		list = append(list, found{n, entry, e.Name()})
	}
	slices.SortStableFunc(list, func(x, y found) int {
		return cmp.Or(cmp.Compare(y.Sequence, x.Sequence), cmp.Compare(tries(x.Name), tries(y.Name)))
	})
	return list, nil
}

func tries(n sdboot.Name) int {
	if n.Counted {
		return 1 + n.Left
	}
	return 0
}

func (s sdbootSlots) find(slot layout.Slot) (found, error) {
	list, err := s.all(slot)
	if err != nil {
		return found{}, err
	}
	return list[0], nil
}

func (s sdbootSlots) Trial() (bool, int, error) {
	f, err := s.find(s.current)
	return f.Counted, f.Left, err
}

// settle removes a slot's other entries once file is in place, since a leftover could be booted later.
func (s sdbootSlots) settle(slot layout.Slot, file string) error {
	list, err := s.all(slot)
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.file == file {
			continue
		}
		err := s.boot.do("remove "+f.file, func() error { return os.Remove(s.boot.path(sdboot.Dir, f.file)) })
		if err != nil {
			return err
		}
	}
	return s.boot.flush(s.boot.path(sdboot.Dir))
}

func (s sdbootSlots) move(from, to string) error {
	return s.boot.do("rename "+from+" "+to, func() error {
		return os.Rename(s.boot.path(sdboot.Dir, from), s.boot.path(sdboot.Dir, to))
	})
}

// sequence writes a slot's entry again with a version above the other slot's.
func (s sdbootSlots) sequence(slot layout.Slot, to sdboot.Name) error {
	mine, err := s.find(slot)
	if err != nil {
		return err
	}
	other, err := s.find(slot.Other())
	if err != nil {
		return err
	}
	entry := mine.Entry
	if entry.Slot != slot {
		return fmt.Errorf("entry %s cannot be read", mine.file)
	}
	entry.Sequence = max(entry.Sequence, other.Sequence) + 1
	return s.place(slot, entry.Text(), to.String())
}

// place writes an entry file with a new name or the slot's own, and then removes the slot's other ones. A file that a
// boot may need is never renamed: a FAT driver may remove the old name before it writes the new one.
func (s sdbootSlots) place(slot layout.Slot, text []byte, name string) error {
	return s.boot.write(func() error {
		if err := s.boot.create(s.boot.path(sdboot.Dir), name, text); err != nil {
			return err
		}
		return s.settle(slot, name)
	})
}

func (s sdbootSlots) Try() error { return s.sequence(s.Other(), sdboot.Trial(s.Other())) }

func (s sdbootSlots) Good() error {
	list, err := s.all(s.current)
	if err != nil {
		return err
	}
	first, blessed := list[0], list[0].Blessed().String()
	if other, err := s.find(s.Other()); err == nil && first.Counted && !other.Counted && other.Sequence > first.Sequence {
		return fmt.Errorf("%w: slot %s", ErrPassedOver, s.Other())
	}
	if !first.Counted && len(list) == 1 {
		return nil
	}
	if !first.Counted {
		return s.boot.write(func() error { return s.settle(s.current, blessed) })
	}
	text, err := os.ReadFile(s.boot.path(sdboot.Dir, first.file))
	if err != nil {
		return err
	}
	return s.place(s.current, text, blessed)
}

func (s sdbootSlots) Files(slot layout.Slot, write bool, do func(string) error) error {
	return s.boot.files(slot, write, do)
}

func (s sdbootSlots) Clear() error {
	mine, err := s.find(s.current)
	if err != nil {
		return err
	}
	if other, err := s.Standing(); mine.Counted && (err != nil || other.Good) {
		return ErrNotGood
	}
	return s.boot.clear(s.Other())
}

func (s sdbootSlots) Enable(e Entry) error { return s.boot.enable(s.Other(), e) }

// GiveUp renames the entry to the name that systemd-boot gives entries without tries left.
func (s sdbootSlots) GiveUp() error {
	mine, err := s.find(s.current)
	if err != nil {
		return err
	}
	other, err := s.find(s.Other())
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoOther, err)
	case mine.Failed() && !other.Counted:
		return nil // the entry is named so already
	case mine.Counted:
		return fmt.Errorf("%w: slot %s was not good itself", ErrNoOther, s.current)
	case other.Failed():
		return fmt.Errorf("%w: slot %s was given up before", ErrNoOther, s.Other())
	case other.Counted:
		return fmt.Errorf("%w: slot %s was never good", ErrNoOther, s.Other())
	}
	text, err := os.ReadFile(s.boot.path(sdboot.Dir, mine.file))
	if err != nil {
		return err
	}
	return s.place(s.current, text, sdboot.Name{Slot: s.current, Counted: true, Done: sdboot.MaxTries}.String())
}

func (s sdbootSlots) Rollback() error {
	other, err := s.Standing()
	if err != nil {
		return err
	}
	if !other.Good {
		return fmt.Errorf("slot %s was never good", s.Other())
	}
	return s.sequence(s.Other(), sdboot.Name{Slot: s.Other()})
}
