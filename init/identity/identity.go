// Package identity keeps what tells this machine from others: its machine id and its default host name. Each is made once and kept on
// data, where a new slot finds it again; what cannot be read is never taken for what is not there.
package identity

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/init/netup"
)

// Kept is the directory Dir below Root, written by Write.
type Kept struct {
	Write     func(path string, data []byte, perm os.FileMode) error
	Root, Dir string
}

// HostName is the default name, for a machine whose document gives none. It is made once and kept on data, as the node's name in the cluster is: an adapter that is found earlier or later at the next
// boot must not make another node of it. A machine without a wired interface has its name of its machine id.
func (k Kept) HostName(id string) (string, error) {
	return k.line("hostname", defaultNames, func() string {
		if mac := netup.FirstMAC(); mac != nil {
			return "proa-" + hex.EncodeToString(mac[3:])
		}
		return "proa-" + id[:6]
	})
}

// MachineID is the 32 hex digits of machine-id(5). It is made once and kept on data, where a new slot finds it again.
func (k Kept) MachineID() (string, error) {
	return k.line("machine-id", machineIDs, func() string {
		raw := make([]byte, 16)
		rand.Read(raw) // never fails
		return hex.EncodeToString(raw)
	})
}

// What was written to its end.
var (
	defaultNames = regexp.MustCompile(`^proa-[0-9a-f]{6}\n$`)
	machineIDs   = regexp.MustCompile(`^[0-9a-f]{32}\n?$`)
)

// line is the one in a file of proa's state, or a fresh one, which is then kept. A file that cannot be read is left alone: it may be readable
// at the next boot, and then this is the same machine as ever.
func (k Kept) line(name string, whole *regexp.Regexp, fresh func() string) (string, error) {
	file := filepath.Join(k.Dir, name)
	b, err := os.ReadFile(filepath.Join(k.Root, file))
	if err == nil && whole.Match(b) {
		return strings.TrimSpace(string(b)), nil
	}
	line := fresh()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return line, fmt.Errorf("%w; using %s until the next boot", err, line)
	}
	return line, k.Write(file, []byte(line+"\n"), 0o444)
}
