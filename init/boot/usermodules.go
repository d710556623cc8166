package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/step"
)

// userModules loads what the user lists. One that a device has brought already takes its parameters through sysfs, as far as it can.
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
		for _, p := range splitParams(params) {
			if err := m.setParam(modules.Name(name), p); err != nil {
				errs = append(errs, fmt.Errorf("%s runs already: %w", name, err))
			}
		}
	}
	return step.User(errors.Join(errs...))
}

// splitParams cuts at spaces outside double quotes, as the kernel does (kernel/params.c, next_arg).
func splitParams(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ' ' && !quoted
	})
}

// setParam changes a parameter of a module that runs. Many can be read and not changed (their mode in sysfs), some are not there at all; what a
// parameter has already need not be changed. A parameter without a value is true.
func (m *Machine) setParam(module, param string) error {
	key, value, given := strings.Cut(param, "=")
	if value = strings.Trim(value, `"`); !given {
		value = "Y"
	}
	file := "/sys/module/" + module + "/parameters/" + strings.ReplaceAll(key, "-", "_")
	info, err := os.Stat(m.Path(file))
	if err != nil {
		return fmt.Errorf("it has no parameter %s that can be set while it runs", key)
	}
	if have, err := os.ReadFile(m.Path(file)); err == nil && strings.TrimSpace(string(have)) == value {
		return nil
	}
	if info.Mode()&0o200 == 0 {
		return fmt.Errorf("its parameter %s is fixed once it is loaded", key)
	}
	if err := m.Sys.WriteFile(file, []byte(value), 0o644); err != nil {
		return fmt.Errorf("set its parameter %s: %w", key, err)
	}
	return nil
}
