package modules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Coldplug loads the modules of all present devices. It repeats as long as a new module was loaded, because a driver
// (of a bus) may add devices. want selects devices; nil: all.
func (x *Index) Coldplug(sysfs string, want func(modalias string) bool) (loaded []string, err error) {
	var errs []error
	for range 6 {
		var fresh []string
		for _, m := range Modaliases(sysfs) {
			if want != nil && !want(m) {
				continue
			}
			got, err := x.LoadAlias(m)
			fresh = append(fresh, got...)
			if err != nil {
				errs = append(errs, err)
			}
		}
		loaded = append(loaded, fresh...)
		if len(fresh) == 0 {
			break
		}
	}
	return loaded, errors.Join(errs...)
}

// Needed says whether a boot must wait for a device (disks, networks, buses); the others are loaded later: processor
// features, graphics, keyboards, sound.
func Needed(modalias string) bool {
	bus := busOf(modalias)
	switch bus {
	case "cpu", "dmi", "acpi", "serio", "input", "hid", "wmi", "platform", "mdio":
		return bus == "platform" || bus == "mdio"
	case "pci":
		return !strings.Contains(modalias, "bc03") && !strings.Contains(modalias, "bc04")
	}
	return true
}

// Modaliases returns the modaliases of all devices below /sys/devices, sorted and without duplicates.
func Modaliases(sysfs string) []string {
	seen := map[string]bool{}
	// A device may disappear during the walk: read errors are ignored.
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
