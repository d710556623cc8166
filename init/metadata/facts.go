package metadata

import (
	"os"
	"path/filepath"
	"strings"
)

// facts are what tells the platform without asking anybody.
type facts struct {
	dmi  map[string]string // files of /sys/class/dmi/id
	xen  string            // uuid that a Xen hypervisor gave the machine
	seed map[string]string // what `ds=` says after the name, of the command line or of the SMBIOS serial number
	ds   string            // the name that `ds=` has on the command line, in small letters
}

// look reads the facts below root. A file that is not there is an empty fact.
func look(root, line string) facts {
	f := facts{dmi: map[string]string{}, seed: map[string]string{}}
	for _, name := range []string{"sys_vendor", "product_name", "product_uuid", "product_serial", "chassis_asset_tag", "chassis_serial", "board_asset_tag"} {
		f.dmi[name] = text(filepath.Join(root, "/sys/class/dmi/id", name))
	}
	f.xen = text(filepath.Join(root, "/sys/hypervisor/uuid"))
	for _, word := range strings.Fields(line) {
		if value, ok := strings.CutPrefix(strings.TrimPrefix(strings.Trim(word, `"'`), "ci."), "ds="); ok {
			f.ds = f.sown(value)
		}
	}
	if serial, ok := strings.CutPrefix(f.dmi["product_serial"], "ds="); ok && f.ds == "" {
		f.sown(serial)
	}
	return f
}

// sown reads `NAME;KEY=VALUE;…` and returns the name; the keys are kept if it is NoCloud's (cloud-init, "NoCloud").
func (f *facts) sown(value string) (name string) {
	name, rest, _ := strings.Cut(value, ";")
	if name = strings.ToLower(strings.TrimSpace(name)); name != "nocloud" && name != "nocloud-net" {
		return name
	}
	long := map[string]string{"s": "seedfrom", "h": "local-hostname", "i": "instance-id"}
	for _, pair := range strings.Split(rest, ";") {
		key, value, _ := strings.Cut(pair, "=")
		if l := long[key]; l != "" {
			key = l
		}
		f.seed[key] = value
	}
	return "nocloud"
}

func text(file string) string {
	b, err := os.ReadFile(file)
	if err != nil || len(b) > 4096 {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// is says whether one of a DMI value's possible beginnings is there, in small or capital letters.
func (f facts) is(name string, beginnings ...string) bool {
	value := strings.ToLower(f.dmi[name])
	for _, b := range beginnings {
		if strings.HasPrefix(value, strings.ToLower(b)) {
			return true
		}
	}
	return false
}
