package recipe

import (
	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/kernel"
)

// Module is a kernel module of ours, for what Debian's kernel cannot do.
type Module struct {
	Name   string
	Source string // directory of the repository, with a Kbuild file
}

// Modules are those that a board needs.
func Modules(b boards.Board) []Module {
	if b.Tryboots() {
		return []Module{{"proa_tryboot", "init/kernel"}}
	}
	return nil
}

// early adds our modules to those of the initramfs.
func early(b boards.Board) []string {
	list := b.Kernel.Early
	for _, m := range Modules(b) {
		list = append(list[:len(list):len(list)], m.Name)
	}
	return list
}

// globs adds our modules to those of the root image.
func globs(b boards.Board) []string {
	list := b.Kernel.Modules
	if len(Modules(b)) > 0 {
		list = append(list[:len(list):len(list)], kernel.ModuleDir)
	}
	return list
}
