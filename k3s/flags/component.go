package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/component-base/featuregate"
)

// CutArg splits a "flag=value" argument for a component. A flag without a value is true.
func CutArg(text string) (name, value string) {
	name, value, ok := strings.Cut(strings.TrimPrefix(text, "--"), "=")
	if !ok {
		value = "true"
	}
	return name, value
}

// SetArgs sets "flag=value" arguments on a component's flags; it stops at the first invalid one.
func SetArgs(fs *pflag.FlagSet, texts []string) error {
	for _, text := range texts {
		name, value := CutArg(text)
		if err := fs.Set(name, value); err != nil {
			return fmt.Errorf("argument %s: %w", text, err)
		}
	}
	return nil
}

// FeatureGates is a flag of all components, and the gates are global to the process; so are the versions.
const FeatureGates = "feature-gates"

var versions = []string{"emulated-version", "min-compatibility-version"}

// RefusedArgs returns the "flag=value" arguments that a component would refuse, with the error. It sets fs, which
// cannot be used afterwards; settings that are global to the process are only validated.
func RefusedArgs(fs *pflag.FlagSet, gates featuregate.MutableVersionedFeatureGate, texts []string) map[string]error {
	refused := map[string]error{}
	for _, text := range texts {
		if err := takes(fs, gates, text); err != nil {
			refused[text] = err
		}
	}
	return refused
}

func takes(fs *pflag.FlagSet, gates featuregate.MutableVersionedFeatureGate, text string) error {
	name, value := CutArg(text)
	if fs.Lookup(name) == nil {
		return fmt.Errorf("it has no flag %s", name)
	}
	switch {
	case name == FeatureGates:
		return gates.DeepCopy().Set(strings.ReplaceAll(value, "kube:", ""))
	case slices.Contains(versions, name):
		return nil
	}
	return fs.Set(name, value)
}
