package inforce

import (
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/datasource"
)

// ownInstall takes back install.silent and install.force if they came from another disk or over the network, and says so.
// They have a disk erased without a question: who made the medium or starts the machine may ask for that, but not whoever
// plugs in another disk or answers as a metadata service. Ubuntu's installer wants its word on the kernel command line for
// the same reason.
func ownInstall(l config.Loaded) (out []config.Problem) {
	for _, k := range []struct {
		name  string
		value *bool
	}{{"silent", &l.Config.Install.Silent}, {"force", &l.Config.Install.Force}} {
		p := l.Origin.Of("install", k.name)
		if !*k.value || !strings.HasPrefix(p.File, datasource.Cache+"/") {
			continue
		}
		*k.value = false
		out = append(out, p.Problem("install.%s is not used from here; write it in config.yaml on the medium, or install.%s=true on the kernel command line", k.name, k.name))
	}
	return out
}
