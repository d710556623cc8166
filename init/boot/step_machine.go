package boot

import (
	"context"
	"errors"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/cacerts"
	"github.com/proa-os/proa/init/environ"
	"github.com/proa-os/proa/init/localtime"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/swap"
	"github.com/proa-os/proa/init/tuning"
	"github.com/proa-os/proa/init/userfile"
	"github.com/proa-os/proa/init/usermount"
)

func environment(_ context.Context, m *Machine) error { return environ.Write(m.Sys, m.Config) }
func caCerts(_ context.Context, m *Machine) error {
	return cacerts.Write(m.Sys, m.Root, m.Config.CACerts)
}

func timezone(_ context.Context, m *Machine) error {
	return step.User(localtime.Set(m.Sys, m.Root, m.Config.Timezone))
}

// userMounts mounts the user's file systems, before homes and files are written into them.
func userMounts(_ context.Context, m *Machine) error {
	m.Mounts = &usermount.Mounter{Sys: m.Sys, Root: m.Root, Disk: m.Found.Disk, System: m.Found.Root, Served: netup.Served, Logf: m.Logf, Mounted: m.keys().Covered, Adopt: m.Found.Swap != nil}
	return step.User(m.Mounts.Start(m.Ctx, m.Config.Mounts))
}

// swapping is over before anything uses much memory.
func swapping(_ context.Context, m *Machine) error {
	load := func(name string) error { return m.Modules.Load(name, "") }
	return step.User(swap.Setup{Sys: m.Sys, Root: m.Root, Load: load, Disk: m.OnDisk() && m.DataErr == nil}.Apply(m.Config.Swap))
}

// sysctls sets proa's sysctls, then the user's.
func sysctls(_ context.Context, m *Machine) error {
	tuning.Node(m.Sys, m.Logf)
	return step.User(tuning.User(m.Sys, m.Config))
}

// userModules loads the modules in the user's configuration.
func userModules(_ context.Context, m *Machine) error {
	return step.User(modules.LoadUser(m.Modules, m.Sys.WriteFile, m.Root, m.Config.Modules))
}

// writeFiles writes the files that need no account and no command; deferredFiles writes the others.
func writeFiles(_ context.Context, m *Machine) error {
	return step.User(userfile.WriteAll(m.Sys, m.Root, m.Config.WriteFiles, false))
}

func deferredFiles(_ context.Context, m *Machine) error {
	return step.User(userfile.WriteAll(m.Sys, m.Root, m.Config.WriteFiles, true))
}

// bootCommands runs boot_cmd. What fails is reported as the user's mistake.
func bootCommands(ctx context.Context, m *Machine) error {
	if len(m.Config.BootCmd) == 0 || m.Jobs == nil {
		return nil
	}
	if failed := m.Jobs.Boot(ctx, m.Config.BootCmd, environ.Commands(m.Config)).Failures(); failed != "" {
		return step.User(errors.New(failed))
	}
	return nil
}
