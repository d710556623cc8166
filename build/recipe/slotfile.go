package recipe

import (
	"os"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/slotimage"
)

// SlotFile writes what a running device fills its other slot with.
func (k *Kit) SlotFile(m Media, file string) (graph.Step, error) {
	return k.medium(m, nil, func(j *graph.Job) error {
		p, err := m.parts(j, "disk")
		if err != nil {
			return err
		}
		s := slotimage.Slot{Board: m.Board.Name, Version: k.Release.Version, Kernel: p.kernel, Initrd: p.initrd, Root: p.root,
			Cmdline: p.cmdline, GRUB: m.Board.Boot["disk"].BIOS == "grub", When: k.when()}
		return create(j.Path(file), func(f *os.File) error { return s.Write(f, j.Progress) })
	})
}
