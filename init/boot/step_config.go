package boot

import (
	"context"
	"errors"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/firewall"
	"github.com/proa-os/proa/init/identity"
	"github.com/proa-os/proa/init/metadata"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/remotekeys"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/wifi"
)

// identify sets host name, hosts file and machine id.
func identify(_ context.Context, m *Machine) error {
	kept := identity.Kept{Write: m.Sys.WriteFile, Root: m.Root, Dir: StateDir}
	id, err := kept.MachineID()
	m.Hostname = m.Config.Hostname
	if m.Hostname == "" {
		var nameErr error
		m.Hostname, nameErr = kept.HostName(id)
		err = errors.Join(err, nameErr)
	}
	return errors.Join(err, m.Sys.SetHostname(m.Hostname),
		m.Sys.WriteFile("/etc/hostname", []byte(m.Hostname+"\n"), 0o644),
		m.Sys.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n127.0.1.1 "+m.Hostname+"\n::1 localhost ip6-localhost ip6-loopback\n"), 0o644),
		m.Sys.WriteFile("/etc/machine-id", []byte(id+"\n"), 0o444))
}

// accounts makes the accounts and writes their SSH keys into memory, at every boot and whenever the configuration changes:
// an account or a key that was removed from it is refused from then on, and without this step nobody can log in.
func accounts(_ context.Context, m *Machine) error { return m.keys().Accounts(m.Ctx, m.Config) }

func (m *Machine) keys() *remotekeys.Keeper {
	if m.Keys == nil {
		m.Keys = &remotekeys.Keeper{Sys: m.Sys, Root: m.Root, Run: m.Fetch, Logf: m.Logf, Ready: func() bool { return len(netup.Addresses()) > 0 }}
	}
	return m.Keys
}

// wifiConfig writes wpa_supplicant's configuration; wpa_supplicant is started once there is a Wi-Fi adapter. A machine
// that cannot use Wi-Fi reports that and boots normally.
func wifiConfig(_ context.Context, m *Machine) error {
	if len(m.Config.Network.WiFi) == 0 {
		return nil
	}
	if why := wifi.Missing(m.Root); why != "" {
		return step.User(errors.New(why))
	}
	return wifi.Write(m.Sys, m.Config.Network)
}

// filter loads the firewall rules at boot and when the configuration has changed; it then follows the cluster's nodes
// by itself.
func filter(ctx context.Context, m *Machine) error {
	if m.Filter != nil {
		return m.Filter.Set(ctx, m.Config)
	}
	m.Filter = &firewall.Filter{Sys: m.Sys, Logf: m.Logf}
	if m.Ctx != nil { // nil in tests
		go m.Filter.Follow(m.Ctx)
	}
	return m.Filter.Set(ctx, m.Config)
}

func network(ctx context.Context, m *Machine) error {
	if m.Net != nil { // remote-sources has brought it up
		return changeNetwork(ctx, m)
	}
	m.Net = netup.New(m.Sys, m.Config, m.Hostname, m.Path("/etc/resolv.conf"), m.Logf)
	m.Net.Load = m.loadAnew
	err := m.Net.Up(m.Ctx)
	for _, d := range m.Net.Doubles() {
		ignored := m.InForce.Origin.Of("network", "interfaces", d.Keys[1])
		m.Problems = append(m.Problems, ignored.Problem("%s", d))
		m.Logf("config: %s", d)
	}
	var absent *plan.AbsentError
	if errors.As(err, &absent) {
		return step.User(err)
	}
	return err
}

// changeNetwork applies the configuration to a network that is up. Nil in tests, and if the boot step has failed.
func changeNetwork(_ context.Context, m *Machine) error {
	if m.Net == nil {
		return nil
	}
	return step.User(m.Net.Change(m.Ctx, m.Config))
}

// k3sConfig translates the user's k3s section into the runtime's config file.
func k3sConfig(_ context.Context, m *Machine) error {
	return service.Configure(m.Sys, m.Root, m.Config, m.Hostname, StateDir+"/node")
}

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
