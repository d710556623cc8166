package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SplitParams cuts at spaces outside double quotes, as the kernel does (kernel/params.c, next_arg).
func SplitParams(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ' ' && !quoted
	})
}

// SetParam changes a parameter of a module that runs. Many can be read and not changed (their mode in sysfs), some are not there at all; what a
// parameter has already need not be changed. A parameter without a value is true.
func SetParam(write func(string, []byte, os.FileMode) error, root, module, param string) error {
	key, value, given := strings.Cut(param, "=")
	if value = strings.Trim(value, `"`); !given {
		value = "Y"
	}
	file := "/sys/module/" + module + "/parameters/" + strings.ReplaceAll(key, "-", "_")
	info, err := os.Stat(filepath.Join(root, file))
	if err != nil {
		return fmt.Errorf("it has no parameter %s that can be set while it runs", key)
	}
	if have, err := os.ReadFile(filepath.Join(root, file)); err == nil && strings.TrimSpace(string(have)) == value {
		return nil
	}
	if info.Mode()&0o200 == 0 {
		return fmt.Errorf("its parameter %s is fixed once it is loaded", key)
	}
	if err := write(file, []byte(value), 0o644); err != nil {
		return fmt.Errorf("set its parameter %s: %w", key, err)
	}
	return nil
}
