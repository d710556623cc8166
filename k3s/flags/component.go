package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/component-base/featuregate"
)

// CutArg takes a "flag=value" text for a component apart. A flag without a value is a switch that is put on.
func CutArg(text string) (name, value string) {
	name, value, ok := strings.Cut(strings.TrimPrefix(text, "--"), "=")
	if !ok {
		value = "true"
	}
	return name, value
}

// SetArgs sets "flag=value" texts on a component's flags, and ends at the first that it does not take.
func SetArgs(fs *pflag.FlagSet, texts []string) error {
	for _, text := range texts {
		name, value := CutArg(text)
		if err := fs.Set(name, value); err != nil {
			return fmt.Errorf("argument %s: %w", text, err)
		}
	}
	return nil
}

// FeatureGates is a flag of all components, and the gates are those of the whole process; so are the versions.
const FeatureGates = "feature-gates"

var versions = []string{"emulated-version", "min-compatibility-version"}

// RefusedArgs says of each "flag=value" text that a component would not take, why. The flags are set by this, so they are of no use
// afterwards; what is the whole process's is only looked at.
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
