package inforce

import (
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/datasource"
)

// ownInstall takes back install.silent and install.force where they may not come from, and says so. Whoever made the
// medium, or has the kernel command line, may have everything erased. Somebody who plugs in a disk with a configuration, as
// a hypervisor does, may have an empty disk installed, where nothing is lost. What answers on the network as a metadata
// service may do neither.
func ownInstall(l config.Loaded) (out []config.Problem) {
	for _, k := range []struct {
		name  string
		value *bool
		media []string // sources beside the medium and the command line that may set it
	}{
		{"silent", &l.Config.Install.Silent, []string{"nocloud", "config-drive"}},
		{"force", &l.Config.Install.Force, nil},
	} {
		p := l.Origin.Of("install", k.name)
		source, fetched := strings.CutPrefix(p.File, datasource.Cache+"/")
		source, _, _ = strings.Cut(source, "/")
		if !*k.value || !fetched || slices.Contains(k.media, source) {
			continue
		}
		*k.value = false
		out = append(out, p.Problem("install.%s is not used from here; write it in config.yaml on the medium, or install.%s=true on the kernel command line", k.name, k.name))
	}
	return out
}
