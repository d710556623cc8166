// Package identity stores what identifies this machine: its machine id and its default host name. Both are generated
// once and stored on the data partition, where a new slot finds them. A file that cannot be read is never treated as
// missing.
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

// Kept stores files in the directory Dir below Root; Write writes them.
type Kept struct {
	Write     func(path string, data []byte, perm os.FileMode) error
	Root, Dir string
}

// HostName returns the default host name, for a configuration without one. It is generated once and stored on the data
// partition, because the node's name in the cluster must not change when adapters are found in another order. On a
// machine without a wired interface it is derived from the machine id.
func (k Kept) HostName(id string) (string, error) {
	return k.line("hostname", defaultNames, func() string {
		if mac := netup.FirstMAC(); mac != nil {
			return "proa-" + hex.EncodeToString(mac[3:])
		}
		return "proa-" + id[:6]
	})
}

// MachineID returns the 32 hex digits of machine-id(5). It is generated once and stored on the data partition, where a
// new slot finds it.
func (k Kept) MachineID() (string, error) {
	return k.line("machine-id", machineIDs, func() string {
		raw := make([]byte, 16)
		rand.Read(raw) // never fails
		return hex.EncodeToString(raw)
	})
}

// Formats of completely written files.
var (
	defaultNames = regexp.MustCompile(`^proa-[0-9a-f]{6}\n$`)
	machineIDs   = regexp.MustCompile(`^[0-9a-f]{32}\n?$`)
)

// line returns the content of a state file, or generates and stores it. A file that cannot be read is left alone, since
// it may be readable at the next boot.
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
