package modules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Coldplug loads the modules of every device that is there already. It walks again as long as something new was loaded,
// because a driver (a bus) brings new devices.
func (x *Index) Coldplug(sysfs string) (loaded []string, err error) {
	for range 6 {
		var fresh []string
		var errs []error
		for _, m := range Modaliases(sysfs) {
			got, err := x.LoadAlias(m)
			fresh = append(fresh, got...)
			errs = append(errs, err)
		}
		loaded, err = append(loaded, fresh...), errors.Join(errs...)
		if len(fresh) == 0 {
			break
		}
	}
	return loaded, err
}

// Modaliases lists what the devices beneath /sys/devices call for, each once, sorted.
func Modaliases(sysfs string) []string {
	seen := map[string]bool{}
	// A device may vanish while we walk: what cannot be read is not there.
	_ = filepath.WalkDir(filepath.Join(sysfs, "devices"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "modalias" {
			if b, err := os.ReadFile(p); err == nil {
				seen[strings.TrimSpace(string(b))] = true
			}
		}
		return nil
	})
	delete(seen, "")
	out := make([]string, 0, len(seen))
	for m := range seen {
		out = append(out, m)
	}
	sort.Strings(out)
	return out
}
