package boot

import (
	"context"
	"errors"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/metadata"
	"github.com/proa-os/proa/init/netup"
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

// remoteSources fetches what configures this machine from elsewhere, if nothing of it was ever fetched, so that all of it
// takes effect in this boot. The network that is brought up for it is changed by its own step.
func remoteSources(ctx context.Context, m *Machine) error {
	up := func() error { return errors.Join(identify(ctx, m), filter(ctx, m), network(ctx, m)) }
	return step.User(m.Remote().First(ctx, up, m.readAgain))
}

// Remote fetches what configures this machine from elsewhere.
func (m *Machine) Remote() *metadata.Keeper {
	if m.remote == nil {
		m.remote = &metadata.Keeper{Sys: m.Sys, Root: m.Root, Line: m.Line.Raw, Run: m.Fetch, Logf: m.Logf, Ready: func() bool { return len(netup.Addresses()) > 0 }}
	}
	return m.remote
}

// keepSources copies files of the configuration that are good, for the next time that one is not. Without the copies,
// as on a full disk, the machine is as good as before.
func keepSources(_ context.Context, m *Machine) error {
	return step.User(datasource.Keep(m.Sys, m.Root))
}
