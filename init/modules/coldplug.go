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
// because a driver (a bus) brings new devices. want chooses among the devices; nil: all.
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

// Needed tells the devices a boot waits for (disks, networks, buses) from those that can come while the machine is already at
// work: processor features, graphics, keyboards, sound.
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
