package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SplitParams splits at spaces outside double quotes, as the kernel does (kernel/params.c, next_arg).
func SplitParams(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ' ' && !quoted
	})
}

// SetParam sets a parameter of a loaded module. It fails if the parameter is read-only (its mode in sysfs) or not in
// sysfs, unless it has that value already. A parameter without a value is set to true.
func SetParam(write func(string, []byte, os.FileMode) error, root, module, param string) error {
	key, value, given := strings.Cut(param, "=")
	if value = strings.Trim(value, `"`); !given {
		value = "Y"
	}
	file := "/sys/module/" + module + "/parameters/" + strings.ReplaceAll(key, "-", "_")
	info, err := os.Stat(filepath.Join(root, file))
	if err != nil {
		return fmt.Errorf("it has no parameter %s that can be set at run time", key)
	}
	if have, err := os.ReadFile(filepath.Join(root, file)); err == nil && strings.TrimSpace(string(have)) == value {
		return nil
	}
	if info.Mode()&0o200 == 0 {
		return fmt.Errorf("its parameter %s is read-only once the module is loaded", key)
	}
	if err := write(file, []byte(value), 0o644); err != nil {
		return fmt.Errorf("set its parameter %s: %w", key, err)
	}
	return nil
}
