package boot

import (
	"context"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/datasource"
)

// sources reads media with configuration, such as a second disk for cloud-init, into the cache, where read-config finds
// them. A medium that is bad or gone changes nothing.
func sources(ctx context.Context, m *Machine) error {
	_, err := m.RefreshSources(ctx)
	return step.User(err)
}

// RefreshSources returns the sources that have changed.
func (m *Machine) RefreshSources(ctx context.Context) ([]string, error) {
	f := datasource.Finder{Sys: m.Sys, Root: m.Root, Logf: m.Logf, Disk: m.Found.Disk, Medium: m.Found.Medium}
	return f.Refresh(ctx)
}

// keepSources copies files of the configuration that are good, for the next time that one is not. Without the copies,
// as on a full disk, the machine is as good as before.
func keepSources(_ context.Context, m *Machine) error {
	return step.User(datasource.Keep(m.Sys, m.Root))
}
