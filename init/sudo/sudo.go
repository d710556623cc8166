// Package sudo runs commands as root, or as another account, for the administrators of the configuration, without a
// set-uid program: the command sudo asks a service over a Unix socket, and the service asks the kernel who is asking
// (SO_PEERCRED, unix(7)). It refuses everybody but root and the administrators, options that it does not have, and
// requests that are too long. It never asks for a password: an administrator has proved who they are by logging in.
//
// A command on a terminal gets a pseudo-terminal of its own, whose other end the client has; so Ctrl-C and job control
// are the kernel's, and a command that stays behind cannot type into the administrator's shell. Any other command gets
// the client's own files.
package sudo

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Socket is where the service listens. Everybody may connect: the service says who may go on.
const Socket = "/run/proa/sudo.sock"

// request is what the client sends as a line of JSON, together with its standard input, output and error (SCM_RIGHTS).
// After it each byte is the number of a signal for the command.
type request struct {
	Argv  []string `json:"argv,omitempty"`
	Shell string   `json:"shell,omitempty"` // run Argv by this shell; "-": by that of the account, as a login
	User  string   `json:"user"`
	Dir   string   `json:"dir"`
	Env   []string `json:"env,omitempty"`
	Keep  bool     `json:"keep,omitempty"` // keep all of Env, not only what describes the terminal and the language
	Set   []string `json:"set,omitempty"`  // NAME=value of the command line
	TTY   bool     `json:"tty,omitempty"`  // standard input is a terminal for the command alone
}

// answer is a line of JSON, the only one: the command's exit code, or why there was none.
type answer struct {
	Exit  int    `json:"exit"`
	Error string `json:"error,omitempty"`
}

const (
	maxRequest = 512 << 10 // bytes
	usageExit  = 1         // of sudo itself, as its manual says
)

// admin returns the name of an administrator. The file (account.AdminsFile) is read for each request, so that an account
// that is no longer an administrator is refused at once.
func admin(file string, uid uint32) (name string, err error) {
	if uid == 0 {
		return "root", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && n == uint64(uid) && name != "" {
			return name, nil
		}
	}
	return "", fmt.Errorf("uid %d is no administrator: in the configuration, users has no entry for it with admin: true", uid)
}
