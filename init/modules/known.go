package modules

import (
	"errors"
	"strings"
)

// LoadKnown loads those modules that this kernel has, and returns the names of the others: kernels differ in what is
// built in or merged. It tries every module and returns all errors together, in one line.
func (x *Index) LoadKnown(names []string) (absent []string, err error) {
	var failed []string
	for _, n := range names {
		if !x.Has(n) {
			absent = append(absent, n)
			continue
		}
		if err := x.Load(n, ""); err != nil {
			failed = append(failed, err.Error())
		}
	}
	if failed != nil {
		err = errors.New(strings.Join(failed, "; "))
	}
	return absent, err
}
