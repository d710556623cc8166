// Package service is the table of what PID 1 keeps running, and the hand-over of the user's k3s section to the runtime. It starts
// nothing itself, and knows of the runtime only its command line, its config file and its signals.
package service

import (
	"context"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// Places that the table and the boot steps share.
const (
	// KeysDir holds the authorized_keys that count. It lies in memory: whatever the disk does, a key that was taken out of the config is
	// unknown after the next boot.
	KeysDir = "/run/proa/ssh"
	// HostKey is where the host key is kept, hostKeyUsed where dropbear reads it.
	HostKey     = "/var/lib/proa/ssh/host_ed25519"
	hostKeyUsed = KeysDir + "/host_ed25519"
)

// Facts decide which rows there are.
type Facts struct {
	Config  *config.Config
	DataErr error // data lies in memory though it should not
	Reaper  *proc.Reaper
	Network func() bool // an address is there
	Say     func(format string, args ...any)
}

// Table lists the services of this machine.
func Table(f Facts) []supervise.Service {
	var rows []supervise.Service
	if len(f.Config.SSHAuthorizedKeys) > 0 {
		rows = append(rows, supervise.Service{
			Name: "ssh", Argv: sshArgv(), Prepare: f.hostKey().prepare, Stop: unix.SIGTERM, Grace: 3 * time.Second,
		})
	}
	rows = append(rows, supervise.Service{
		Name: "ntp", Argv: []string{"/usr/bin/proa", "ntp"}, Stop: unix.SIGTERM, Grace: 2 * time.Second,
	})
	if f.Config.K3s.Enabled {
		rows = append(rows, supervise.Service{
			Name: "k3s", Argv: []string{"/usr/bin/k3s", Role(f.Config.K3s)}, Wait: f.mayRun,
			// SIGPWR tells it that the machine goes down: it stops the pods, which may take 30 s, and itself.
			Stop: unix.SIGPWR, Grace: 45 * time.Second, Notify: true,
		})
	}
	return rows
}

// sshArgv: no passwords (-s -g), no forwarding to or from other hosts (-k lets none listen remotely), keys in memory only (-D, -r), in the
// foreground, logging to stderr.
func sshArgv() []string {
	return []string{"/usr/sbin/dropbear", "-F", "-E", "-s", "-g", "-k", "-D", KeysDir, "-r", hostKeyUsed, "-p", "22"}
}

func (f Facts) hostKey() hostKey {
	return hostKey{HostKey, hostKeyUsed, func(ctx context.Context, file string) error {
		_, err := f.Reaper.Run(ctx, "dropbearkey", "-t", "ed25519", "-f", file)
		return err
	}, f.Say}
}

// networkWait is how long the runtime waits for an address before it starts without: its own errors then say what is missing.
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

// Refusal is why Kubernetes is not started at all.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return "not started, data is not on disk: " + r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }
