// Package localtime sets the time zone of all programs. It refuses one that the image does not have.
package localtime

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/init/sys"
)

// zones is the database in the root image.
const zones = "/usr/share/zoneinfo/"

// Set makes name, empty for UTC, the zone of programs that start from now on: localtime(5), and Debian's /etc/timezone.
func Set(s sys.Sys, root, name string) error {
	file := zones + cmp.Or(name, "Etc/UTC")
	if _, err := os.Stat(filepath.Join(root, file)); err != nil && name != "" {
		return fmt.Errorf("timezone: this image has no zone of that name: %w", err)
	}
	return errors.Join(s.Symlink(file, "/etc/localtime"), s.WriteFile("/etc/timezone", []byte(file[len(zones):]+"\n"), 0o644))
}
