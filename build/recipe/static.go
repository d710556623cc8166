package recipe

import (
	"debug/elf"
	"fmt"
	"path/filepath"
)

// checkStatic refuses a program that would look for libraries the device does not have.
func checkStatic(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // read side: nothing to lose
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked; the device has no libraries for it", filepath.Base(file))
		}
	}
	return nil
}
