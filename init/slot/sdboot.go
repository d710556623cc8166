package slot

import (
	"fmt"
	"os"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

// sdbootSlots keeps state in the names of systemd-boot's entries, as systemd-boot itself does.
type sdbootSlots struct {
	boot    Boot
	current layout.Slot
}

func (s sdbootSlots) Current() layout.Slot { return s.current }
func (s sdbootSlots) Other() layout.Slot   { return s.current.Other() }

// find returns a slot's entry file. Of two (a rename that a power cut doubled) the blessed one counts.
func (s sdbootSlots) find(slot layout.Slot) (name sdboot.Name, file string, err error) {
	entries, err := os.ReadDir(s.boot.path(sdboot.Dir))
	if err != nil {
		return name, "", err
	}
	for _, e := range entries {
		if n, ok := sdboot.ParseName(e.Name()); ok && n.Slot == slot && (file == "" || !n.Counted) {
			name, file = n, e.Name()
		}
	}
	if file == "" {
		return name, "", fmt.Errorf("slot %s has no entry", slot)
	}
	return name, file, nil
}

func (s sdbootSlots) Trial() (bool, int, error) {
	n, _, err := s.find(s.current)
	return n.Counted, n.Left, err
}

func (s sdbootSlots) rename(slot layout.Slot, to sdboot.Name) error {
	_, file, err := s.find(slot)
	if err != nil || file == to.String() {
		return err
	}
	return s.boot.write(func() error {
		return os.Rename(s.boot.path(sdboot.Dir, file), s.boot.path(sdboot.Dir, to.String()))
	})
}

// sequence writes a slot's entry anew with a sequence above or below the other's.
func (s sdbootSlots) sequence(slot layout.Slot, to sdboot.Name) error {
	_, file, err := s.find(slot)
	if err != nil {
		return err
	}
	mine, err := s.entry(slot)
	if err != nil {
		return err
	}
	other, err := s.entry(slot.Other())
	if err != nil {
		return err
	}
	mine.Sequence = max(mine.Sequence, other.Sequence+1)
	return s.boot.write(func() error {
		tmp := s.boot.path(sdboot.Dir, "new.tmp")
		if err := os.WriteFile(tmp, mine.Text(), 0o600); err != nil {
			return err
		}
		if err := os.Rename(tmp, s.boot.path(sdboot.Dir, to.String())); err != nil || file == to.String() {
			return err
		}
		return os.Remove(s.boot.path(sdboot.Dir, file))
	})
}

func (s sdbootSlots) entry(slot layout.Slot) (sdboot.Entry, error) {
	_, file, err := s.find(slot)
	if err != nil {
		return sdboot.Entry{}, err
	}
	text, err := os.ReadFile(s.boot.path(sdboot.Dir, file))
	if err != nil {
		return sdboot.Entry{}, err
	}
	return sdboot.ParseEntry(text)
}

func (s sdbootSlots) Try() error { return s.sequence(s.Other(), sdboot.Trial(s.Other())) }

func (s sdbootSlots) Good() error {
	return s.rename(s.current, sdboot.Name{Slot: s.current}.Blessed())
}

func (s sdbootSlots) Rollback() error {
	n, _, err := s.find(s.Other())
	if err != nil {
		return err
	}
	if n.Counted {
		return fmt.Errorf("slot %s was never good", s.Other())
	}
	return s.sequence(s.Other(), n)
}
