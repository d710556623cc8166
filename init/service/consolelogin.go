package service

import (
	"strings"
	"time"

	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// consoleLogin begins the names of the services that ask for a name and a password on a console.
const consoleLogin = "login-"

// consoleLogins returns a service for each console. The kernel's names are those of /sys/class/tty/console/active, where
// tty0 is whatever virtual terminal is shown; a login is on the first.
func consoleLogins(consoles []string) (rows []supervise.Service) {
	for _, name := range consoles {
		if name == "tty0" {
			name = "tty1"
		}
		// 0: the speed that the kernel has set; -L: there may be no carrier.
		rows = append(rows, supervise.Service{
			Name: consoleLogin + name, Argv: []string{"/usr/sbin/getty", "-L", "0", name, kind(name)}, Stop: unix.SIGHUP, Grace: 2 * time.Second,
		})
	}
	return rows
}

// kind is the terminal's type in terminfo.
func kind(name string) string {
	if number, virtual := strings.CutPrefix(name, "tty"); virtual && strings.Trim(number, "0123456789") == "" {
		return "linux"
	}
	return "vt220"
}
