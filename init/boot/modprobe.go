package boot

import (
	"io"

	"github.com/proa-os/proa/init/modules"
)

// Modprobe is the command modprobe (modules.Modprobe).
func (m *Machine) Modprobe(args []string, complain io.Writer) (code int) {
	return modules.Modprobe(func() (*modules.Index, error) { err := openModules(m); return m.Modules, err }, args, complain)
}

// loadAnew loads a module with a new index, because that of the boot may be gone or in use.
func (m *Machine) loadAnew(name, params string) error {
	fresh := &Machine{Sys: m.Sys, Root: m.Root}
	if err := openModules(fresh); err != nil {
		return err
	}
	return fresh.Modules.Load(name, params)
}
