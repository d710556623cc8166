// Package k3sflags is which flags the runtime takes, as data: the configuration may import nothing of the runtime. It judges no value, and
// refuses to differ from the runtime's own flag set, which a test beside that compares.
package k3sflags

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
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
	Arg     string // what its value is called in Help
	Help    string
}

// List says whether the flag may be given several times.
func (f Flag) List() bool { return f.Type == "stringSlice" || f.Type == "stringArray" }

// All are those that k3s.args takes, in the order of the runtime's help.
func All() (out []Flag) {
	for _, line := range strings.Split(strings.TrimSpace(flagsFile), "\n") {
		f := strings.Split(line, "\t")
		out = append(out, Flag{f[0], f[1], f[2], f[3], f[4]})
	}
	return out
}

// Named finds a flag by its name without dashes.
func Named(name string) (Flag, bool) {
	all := All()
	if i := slices.IndexFunc(all, func(f Flag) bool { return f.Name == name }); i >= 0 {
		return all[i], true
	}
	return Flag{}, false
}

// granted are flags of K3s whose wish proa fulfils without having the flag. They are accepted and not handed on.
var granted = []string{"disable-cloud-controller", "disable-etcd", "disable-helm-controller", "disable-network-policy"}

// Granted says that a flag asks for what is so anyway.
func Granted(flag string) bool { return slices.Contains(granted, flag) }

// AllGranted lists them.
func AllGranted() []string { return slices.Clone(granted) }

// Instead says of flags of K3s that the runtime has not what to do here.
func Instead() map[string]string { return maps.Clone(instead) }

// instead says of K3s's flags that people bring along what to do here.
var instead = map[string]string{
	"agent-token":           "one token serves both roles: token",
	"cluster-init":          "a cluster has one server in this release",
	"datastore-endpoint":    "the datastore is SQLite on the data partition in this release",
	"docker":                "containerd is the only container runtime",
	"node-external-ip":      "the node has one address: --node-ip",
	"rootless":              "the runtime runs as root",
	"secrets-encryption":    "not in this release; --kube-apiserver-arg=encryption-provider-config=FILE works",
	"snapshotter":           "containerd's overlayfs is the only snapshotter",
	"token-file":            "the token itself: token",
	"write-kubeconfig-mode": "root alone reads the kubeconfig; ssh in and copy it",
}
