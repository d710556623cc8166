package slot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
)

// grubSlots keeps state in two grubenv files that take turns; each change is one sector written in place.
type grubSlots struct {
	boot    Boot
	current layout.Slot
}

func (g grubSlots) Current() layout.Slot { return g.current }
func (g grubSlots) Other() layout.Slot   { return g.current.Other() }

func (g grubSlots) read() (s grubenv.State, next int, err error) {
	env0, err0 := os.ReadFile(g.boot.path("grub", grubenv.File(0)))
	env1, err1 := os.ReadFile(g.boot.path("grub", grubenv.File(1)))
	if err0 != nil && err1 != nil {
		return s, 0, err0
	}
	return grubenv.Choose(env0, env1)
}

func (g grubSlots) Trial() (bool, int, error) {
	s, _, err := g.read()
	return s.Try == g.current, s.Left, err
}

func (g grubSlots) change(to func(grubenv.State) grubenv.State) error {
	s, next, err := g.read()
	if err != nil {
		return fmt.Errorf("read boot state: %w", err)
	}
	return g.put(next, to(s))
}

// put writes a state over file i: one sector, in place. A file that is gone, or damaged behind that sector, is made whole; it
// is not in force, so nothing is lost when that is cut short.
func (g grubSlots) put(i int, s grubenv.State) error {
	path, text := g.boot.path("grub", grubenv.File(i)), grubenv.Encode(s)
	old, _ := os.ReadFile(path)
	if len(old) == grubenv.Size && strings.Trim(string(old[grubenv.Sector:]), "#\x00") == "" {
		text = text[:grubenv.Sector]
	}
	return g.boot.write(func() error { return g.boot.inPlace(path, text) })
}

// inPlace overwrites the first bytes of a file. What was written before is on the disk before, and this after.
func (b Boot) inPlace(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.flush(path); err != nil {
		return err
	}
	err = b.do("write "+filepath.Base(path), func() error { _, err := f.WriteAt(text, 0); return err })
	if err != nil {
		return err
	}
	return b.flush(path)
}

func (g grubSlots) Try() error {
	return g.change(func(s grubenv.State) grubenv.State { return s.StartTrial(g.Other()) })
}

// Good also heals: with both files damaged GRUB starts whichever slot has files, and this one has just proved itself. The next
// change repairs the second file.
func (g grubSlots) Good() error {
	s, _, err := g.read()
	if err != nil {
		return g.put(0, grubenv.State{Good: g.current})
	}
	if s.Good == g.current && s.Try == layout.Shared {
		return nil
	}
	return g.change(func(s grubenv.State) grubenv.State { return s.MarkGood(g.current) })
}

func (g grubSlots) Rollback() error {
	s, _, err := g.read()
	if err != nil {
		return err
	}
	if s.Good != g.Other() {
		return fmt.Errorf("slot %s was never good", g.Other())
	}
	return g.change(func(s grubenv.State) grubenv.State { return s.MarkGood(g.Other()) })
}
