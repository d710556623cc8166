package boards

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// WiFi is what a radio on the board wants of the root image. Its driver is among kernel.modules.
type WiFi struct {
	Packages []string `yaml:"packages" json:"packages"` // Debian packages with the radio's firmware
	Firmware []string `yaml:"firmware" json:"firmware"` // globs below usr/lib/firmware of those
}

// Radio says whether the board has one.
func (b Board) Radio() bool { return len(b.WiFi.Packages) > 0 }

// driversOfRadios is where kernel.modules has the drivers of radios.
const driversOfRadios = "drivers/net/wireless/"

func (b Board) validateWiFi() error {
	driver := false
	for _, m := range b.Kernel.Modules {
		driver = driver || strings.HasPrefix(m, driversOfRadios)
	}
	var errs []error
	if b.Radio() != (len(b.WiFi.Firmware) > 0) || b.Radio() != driver {
		errs = append(errs, fmt.Errorf("wifi: packages, firmware and a driver below %s in kernel.modules: all or none",
			driversOfRadios))
	}
	if dup := duplicate(b.WiFi.Firmware); dup != "" {
		errs = append(errs, fmt.Errorf("wifi.firmware: %q twice", dup))
	}
	for _, g := range b.WiFi.Firmware {
		if _, err := path.Match(g, ""); err != nil || path.Clean(g) != g || path.IsAbs(g) {
			errs = append(errs, fmt.Errorf("wifi.firmware: %q is no glob below usr/lib/firmware", g))
		}
	}
	return errors.Join(errs...)
}
