// Package service is the table of the services that PID 1 runs, and the translation of the user's k3s section for the
// runtime. It starts nothing itself. Of the runtime it knows command line, config file and signals.
package service

import (
	"context"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/environ"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/softswap/shim"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// Paths that the table and the boot steps share.
const (
	// sshDir is readable by root only.
	sshDir = "/run/proa/ssh"
	// HostKey is where the host key is saved, hostKeyUsed where dropbear reads it.
	HostKey     = "/var/lib/proa/ssh/host_ed25519"
	hostKeyUsed = sshDir + "/host_ed25519"
)

// Facts determine the rows.
type Facts struct {
	Config   *config.Config
	Live     bool     // the system runs from its medium and not from a disk
	Consoles []string // names of the kernel's consoles
	DataErr  error    // error why data is in memory although it should be on the disk
	Reaper   *proc.Reaper
	Network  func() bool // says whether there is an address
	Say      func(format string, args ...any)
}

// Table returns the services of this machine.
func Table(f Facts) []supervise.Service {
	var rows []supervise.Service
	if key, password, root := account.Logins(f.Config); key || password {
		rows = append(rows, supervise.Service{
			Name: "ssh", Argv: sshArgv(password, root), Prepare: f.hostKey().prepare, Stop: unix.SIGTERM, Grace: 3 * time.Second,
		})
	}
	if account.Passwords(f.Config) {
		rows = append(rows, consoleLogins(f.Consoles)...)
	}
	rows = append(rows, supervise.Service{
		Name: "ntp", Argv: []string{"/usr/bin/proa", "ntp"}, Stop: unix.SIGTERM, Grace: 2 * time.Second,
	})
	if account.Admins(f.Config) {
		rows = append(rows, supervise.Service{
			Name: "sudo", Argv: []string{"/usr/bin/proa", "sudo-service"}, Stop: unix.SIGTERM, Grace: 2 * time.Second,
		})
	}
	rows = append(rows, f.installers()...)
	rows = append(rows, f.upgrader()...)
	rows = append(rows, f.clusterUpgrader()...)
	if f.Config.K3s.Enabled && !f.silent() {
		rows = append(rows, supervise.Service{
			Name: "k3s", Argv: []string{"/usr/bin/k3s", Role(f.Config.K3s)}, Wait: f.mayRun, Prepare: f.shimInMemory, Env: f.k3sEnv,
			// SIGPWR tells it that the machine shuts down: it stops the pods, which may take 30 s, and itself.
			Stop: unix.SIGPWR, Grace: k3sflags.StopGrace, Notify: true,
		})
	}
	return rows
}

// sshArgv returns dropbear's arguments: no passwords unless the configuration permits them (-s), and none of root unless it
// has one (-g), no forwarding to or from other hosts (-k: no remote listeners), keys in memory only (-D, in each home; -r),
// in the foreground, logging to stderr.
func sshArgv(passwords, rootPassword bool) []string {
	argv := []string{"/usr/sbin/dropbear", "-F", "-E"}
	if !passwords {
		argv = append(argv, "-s")
	}
	if !rootPassword {
		argv = append(argv, "-g")
	}
	return append(argv, "-k", "-D", "~/"+account.KeysName, "-r", hostKeyUsed, "-p", "22")
}

// Follows says whether a service comes, goes and restarts with the configuration while the machine runs. Kubernetes does
// not: a machine that was booted without it has not been prepared for it.
func Follows(name string) bool {
	return name == "ssh" || name == "sudo" || name == upgradeName || strings.HasPrefix(name, consoleLogin) || strings.HasPrefix(name, consoleInstall)
}

func (f Facts) hostKey() hostKey {
	return hostKey{HostKey, hostKeyUsed, func(ctx context.Context, file string) error {
		_, err := f.Reaper.Run(ctx, "dropbearkey", "-t", "ed25519", "-f", file)
		return err
	}, f.Say}
}

// k3sEnv is read at every start, so that a restart is enough for a change.
func (f Facts) k3sEnv() []string {
	env, err := environ.Read("", environ.K3sFile, proc.Env())
	if err != nil {
		f.Say("k3s: %v", err)
	}
	return shim.First(env)
}

// networkWait is how long the runtime waits for an address before it starts without one: its own errors then say what
// is missing.
const networkWait = 60 * time.Second

func (f Facts) mayRun(ctx context.Context, say func(string)) error {
	if f.DataErr != nil {
		return &Refusal{f.DataErr}
	}
	for began := time.Now(); !f.Network() && time.Since(began) < networkWait; {
		say("waiting for a network address")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// Refusal is why Kubernetes is not started.
type Refusal struct{ Err error }

func (r *Refusal) Error() string {
	return "not started, the data partition is not mounted: " + r.Err.Error()
}
func (r *Refusal) Unwrap() error { return r.Err }
