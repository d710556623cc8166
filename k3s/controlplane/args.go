// Package controlplane runs the API server, the controller manager and the scheduler in this process: their flags and
// entry points. It makes no certificates, and the start order is decided elsewhere.
package controlplane

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/proa-os/proa/k3s/flags"
)

// arg is one flag of a component. Flags are used instead of struct fields, so that users can override any by name.
type arg struct{ name, value string }

// override appends the user's "flag=value" arguments to ours. A flag that the user sets replaces ours completely, also
// if it is a list.
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

// CommandLines returns the arguments of each component as "flag=value" texts, the user's included, by the name of the
// program that upstream ships it as.
func (p Plane) CommandLines() map[string][]string {
	lines := map[string][]string{}
	for program, all := range map[string][]arg{
		"kube-apiserver":          override(p.apiServerArgs(), p.APIServerArgs),
		"kube-controller-manager": override(p.controllerManagerArgs(), p.ControllerManagerArgs),
		"kube-scheduler":          override(p.schedulerArgs(), p.SchedulerArgs),
	} {
		for _, a := range all {
			lines[program] = append(lines[program], a.name+"="+a.value)
		}
	}
	return lines
}

// joined returns all flags of a component.
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
