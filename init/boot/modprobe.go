package boot

import (
	"fmt"
	"io"
	"strings"
)

// Modprobe is the command modprobe, which the kernel calls as `modprobe -q -- NAME`. It loads each module in args, ignores
// options, writes errors to complain and returns the exit code: 0 or 1.
func (m *Machine) Modprobe(args []string, complain io.Writer) (code int) {
	if err := openModules(m); err != nil {
		fmt.Fprintln(complain, "modprobe:", err)
		return 1
	}
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if err := m.Modules.Load(a, ""); err != nil {
			fmt.Fprintln(complain, "modprobe:", err)
			code = 1
		}
	}
	return code
}

// loadAnew loads a module with a new index, because that of the boot may be gone or in use.
func (m *Machine) loadAnew(name, params string) error {
	fresh := &Machine{Sys: m.Sys, Root: m.Root}
	if err := openModules(fresh); err != nil {
		return err
	}
	return fresh.Modules.Load(name, params)
}
