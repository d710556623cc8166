package boot

import (
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/init/sys"
)

// ModprobeMain is what the kernel starts as `modprobe -q -- NAME`. It also serves tools that call modprobe by name.
func ModprobeMain(s sys.Sys, args []string) int {
	m := &Machine{Sys: s}
	if err := openModules(m); err != nil {
		fmt.Fprintln(os.Stderr, "modprobe:", err)
		return 1
	}
	code := 0
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if err := m.Modules.Load(a, ""); err != nil {
			fmt.Fprintln(os.Stderr, "modprobe:", err)
			code = 1
		}
	}
	return code
}

// loadAnew loads a module long after the boot, when the index that the boot had may be gone or in use.
func (m *Machine) loadAnew(name, params string) error {
	fresh := &Machine{Sys: m.Sys, Root: m.Root}
	if err := openModules(fresh); err != nil {
		return err
	}
	return fresh.Modules.Load(name, params)
}
