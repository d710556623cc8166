package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/modules"
)

// userModules loads the modules in the user's configuration. If a module is loaded already, its parameters are set
// through sysfs where possible.
func userModules(_ context.Context, m *Machine) error {
	var errs []error
	for _, line := range m.Config.Modules {
		name, params, _ := strings.Cut(line, " ")
		running := m.Modules.Running(name)
		if err := m.Modules.Load(name, params); err != nil {
			errs = append(errs, err)
			continue
		}
		if !running {
			continue
		}
		for _, p := range modules.SplitParams(params) {
			if err := modules.SetParam(m.Sys.WriteFile, m.Root, modules.Name(name), p); err != nil {
				errs = append(errs, fmt.Errorf("module %s is loaded already: %w", name, err))
			}
		}
	}
	return step.User(errors.Join(errs...))
}
