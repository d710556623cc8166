package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"

	"github.com/proa-os/proa/config/nodekernel"
)

// Kernel loads modules and sets sysctls. It returns the errors; a component that needs a failed one reports that
// itself, and check-config reports what is missing.
func Kernel() (problems []error) {
	for _, name := range slices.Concat(nodekernel.Modules(), nodekernel.RuleModules()) {
		if err := load(name); err != nil {
			problems = append(problems, fmt.Errorf("module %s: %w", name, err))
		}
	}
	return append(problems, sysctls("/proc/sys")...)
}

// load tries to load a module, which may be built in.
func load(name string) error {
	if _, err := os.Stat("/sys/module/" + name); err == nil {
		return nil
	}
	if err := kmodule.Probe(name, ""); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// sysctls sets below dir what the runtime cannot do without.
func sysctls(dir string) (problems []error) {
	for _, s := range nodekernel.Sysctls() {
		path := filepath.Join(dir, strings.ReplaceAll(s.Name, ".", "/"))
		if s.Runtime == nodekernel.Leave || s.Runtime == nodekernel.Raise && atLeast(path, s.Value) {
			continue
		}
		if err := os.WriteFile(path, []byte(s.Value), 0o644); err != nil {
			problems = append(problems, fmt.Errorf("sysctl %s=%s: %w", s.Name, s.Value, err))
		}
	}
	return problems
}

// atLeast reports whether the number in a file is not lower than want.
func atLeast(path, want string) bool {
	text, err := os.ReadFile(path)
	have, err2 := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	least, err3 := strconv.ParseInt(want, 10, 64)
	return errors.Join(err, err2, err3) == nil && have >= least
}
