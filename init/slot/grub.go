package slot

import (
	"fmt"
	"os"

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
	return g.boot.write(func() error {
		return inPlace(g.boot.path("grub", grubenv.File(next)), grubenv.Encode(to(s))[:grubenv.Sector])
	})
}

// inPlace overwrites the first bytes of a file without changing anything else of the file system.
func inPlace(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}

func (g grubSlots) Try() error {
	return g.change(func(s grubenv.State) grubenv.State { return s.StartTrial(g.Other()) })
}

func (g grubSlots) Good() error {
	s, _, err := g.read()
	if err == nil && s.Good == g.current && s.Try == layout.Shared {
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
