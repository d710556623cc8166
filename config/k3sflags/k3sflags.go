// Package k3sflags has the runtime's flags as data, because the configuration may not import the runtime. It does not
// validate values. A test compares it with the runtime's own flag set.
package k3sflags

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// flagsFile is what the runtime takes, written from its own flag set: go run ./k3s/flags/gendoc.
//
//go:embed flags.tsv
var flagsFile string

// Flag is one flag of the runtime.
type Flag struct {
	Name    string
	Type    string // as pflag calls it: string, int, bool, stringSlice (commas separate), stringArray
	Default string
	Arg     string // name of its value in Help
	Help    string
}

// List says whether the flag may be given several times.
func (f Flag) List() bool { return f.Type == "stringSlice" || f.Type == "stringArray" }

// All returns the flags that k3s.args accepts, in the order of the runtime's help.
func All() []Flag { return slices.Clone(all()) }

var all = sync.OnceValue(func() (out []Flag) {
	for _, line := range strings.Split(strings.TrimSpace(flagsFile), "\n") {
		f := strings.Split(line, "\t")
		out = append(out, Flag{f[0], f[1], f[2], f[3], f[4]})
	}
	return out
})

// Named finds a flag by its name without dashes.
func Named(name string) (Flag, bool) {
	if i := slices.IndexFunc(all(), func(f Flag) bool { return f.Name == name }); i >= 0 {
		return all()[i], true
	}
	return Flag{}, false
}

// granted are flags of K3s whose effect is always on in proa. They are accepted and not passed on.
var granted = []string{"disable-cloud-controller", "disable-etcd", "disable-helm-controller", "disable-network-policy"}

// Granted says whether the effect of a flag is always on.
func Granted(flag string) bool { return slices.Contains(granted, flag) }

// AllGranted returns these flags.
func AllGranted() []string { return slices.Clone(granted) }

// packaged are the components that --disable switches off: the manifests in the image.
var packaged = []string{"coredns", "local-storage", "upgrades"}

// absent are packaged components of K3s that proa does not have. --disable accepts them, so that a configuration for
// K3s works here.
var absent = []string{"metrics-server", "runtimes", "servicelb", "traefik"}

// Packaged returns the components that --disable switches off.
func Packaged() []string { return slices.Clone(packaged) }

// Disabled says whether a component is off if --disable names it.
func Disabled(component string) bool {
	return slices.Contains(packaged, component) || slices.Contains(absent, component)
}
