package service

import (
	"time"

	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/install/launch"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// consoleInstall begins the names of the services that offer the installer on a console.
const consoleInstall = "install-"

// installers returns what installs a live system: the silent installation that the configuration wants, or else an offer on
// each console. Where somebody can log in with a password, the console is for that.
func (f Facts) installers() (rows []supervise.Service) {
	if f.silent() {
		return []supervise.Service{installer("install", "--silent")}
	}
	if !f.Live || account.Passwords(f.Config) {
		return nil
	}
	for _, name := range f.Consoles {
		if name == "tty0" {
			name = "tty1"
		}
		rows = append(rows, installer(consoleInstall+name, "--console", name))
	}
	return rows
}

// silent says whether this machine installs itself: then it runs no Kubernetes meanwhile.
func (f Facts) silent() bool { return f.Live && f.Config.Install.Silent }

func installer(name string, args ...string) supervise.Service {
	return supervise.Service{Name: name, Argv: append([]string{launch.Program}, args...), Stop: unix.SIGTERM, Grace: 5 * time.Second}
}
