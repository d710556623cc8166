// Package controlplane runs the API server, the controller manager and the scheduler inside this process.
// It knows their flags and entry points. It does not make certificates and does not decide the order.
package controlplane

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/proa-os/proa/k3s/flags"
)

// arg is one flag of a component. Keeping them as flags, not as fields, lets users override any of them by name.
type arg struct{ name, value string }

// override puts the user's "flag=value" texts after ours. A flag the user names is theirs alone, also when it is a list.
func override(ours []arg, theirs []string) []arg {
	var added []arg
	for _, text := range theirs {
		name, value := flags.CutArg(text)
		added = append(added, arg{name, value})
	}
	named := func(a arg) bool {
		return slices.ContainsFunc(added, func(b arg) bool { return a.name == b.name })
	}
	return append(slices.DeleteFunc(slices.Clone(ours), named), added...)
}

// joined are all flags of a component.
func joined(sets cliflag.NamedFlagSets) *pflag.FlagSet {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	for _, set := range sets.FlagSets {
		fs.AddFlagSet(set)
	}
	return fs
}

// apply sets the arguments on a component's flags.
func apply(sets cliflag.NamedFlagSets, args []arg) error {
	fs := joined(sets)
	for _, a := range args {
		if err := fs.Set(a.name, a.value); err != nil {
			return fmt.Errorf("argument %s=%s: %w", a.name, a.value, err)
		}
	}
	return nil
}
