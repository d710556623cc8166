package rehearse

import (
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/tuning"
)

// Runtime is the path of k3s in a root.
const Runtime = "/usr/bin/k3s"

// Of returns the stage of a machine with this configuration.
func Of(c *config.Config) *Stage {
	return &Stage{None: none(c.K3s), Runtime: Runtime, Database: filepath.Join(dataDir(c.K3s.Args), k3sflags.Database),
		Config: k3sflags.ConfigFile, Dir: wayback.Dir, Cgroup: tuning.ServiceCgroup, Memory: Memory, Limit: Limit,
		Inside: []string{"/proc/self/exe", Verb}}
}

// none says why a machine has no datastore of its own.
func none(k config.K3s) string {
	switch {
	case !k.Enabled:
		return "Kubernetes is not enabled here"
	case service.Role(k) == "agent":
		return "this node is an agent, and its cluster's datastore is elsewhere"
	}
	return ""
}

// dataDir is where the arguments of k3s have its data; the last one counts.
func dataDir(args []string) string {
	dir := k3sflags.DataDir
	for _, a := range args {
		if value, ok := strings.CutPrefix(a, "--data-dir="); ok {
			dir = value
		}
	}
	return dir
}
