package modules

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// LoadUser loads the modules that the configuration lists, each a name and its parameters. If a module is loaded already,
// its parameters are set through sysfs where possible.
func LoadUser(x *Index, write func(string, []byte, os.FileMode) error, root string, lines []string) error {
	var errs []error
	for _, line := range lines {
		name, params, _ := strings.Cut(line, " ")
		running := x.Running(name)
		if err := x.Load(name, params); err != nil {
			errs = append(errs, err)
			continue
		}
		if !running {
			continue
		}
		for _, p := range SplitParams(params) {
			if err := SetParam(write, root, Name(name), p); err != nil {
				errs = append(errs, fmt.Errorf("module %s is loaded already: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}
