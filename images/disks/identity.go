package disks

import (
	"path/filepath"
	"regexp"
	"strings"
)

// buses maps a component of a device's path in /sys to the bus; if a path has two, the first row counts.
var buses = []struct {
	piece *regexp.Regexp
	name  string
}{
	{regexp.MustCompile(`/usb\d+/`), "usb"},
	{regexp.MustCompile(`/mmc_host/`), "emmc"}, // unless it is an SD card
	{regexp.MustCompile(`/nvme/`), "nvme"},
	{regexp.MustCompile(`/ata\d+/`), "sata"},
	{regexp.MustCompile(`/virtio\d+/`), "virtio"},
	{regexp.MustCompile(`/target\d+:`), "scsi"},
	{regexp.MustCompile(`/virtual/block/loop\d`), "loop"},
}

func (h *host) bus(dir string) string {
	resolved, err := filepath.EvalSymlinks(h.path(dir))
	if err != nil {
		return ""
	}
	for _, b := range buses {
		if !b.piece.MatchString(resolved) {
			continue
		}
		if b.name == "emmc" && h.line(dir, "device/type") == "SD" {
			return "sd"
		}
		return b.name
	}
	return ""
}

// model returns vendor and model, without the vendor "ATA" that all SATA disks have.
func (h *host) model(dir string) string {
	vendor := h.line(dir, "device/vendor")
	if vendor == "ATA" || strings.HasPrefix(vendor, "0x") { // for virtio it is the PCI vendor number
		vendor = ""
	}
	for _, file := range []string{"device/model", "device/name", "loop/backing_file"} {
		if m := h.line(dir, file); m != "" {
			return strings.TrimSpace(vendor + " " + m)
		}
	}
	return vendor
}

// serial reads the serial number, whose place differs by bus; USB has it in the USB device above.
func (h *host) serial(dir, dev string) string {
	for _, file := range []string{"device/serial", "serial"} {
		if s := h.line(dir, file); s != "" {
			return s
		}
	}
	if s := h.properties("run/udev/data/b" + dev)["E:ID_SERIAL_SHORT"]; s != "" {
		return s
	}
	resolved, err := filepath.EvalSymlinks(h.path(dir))
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(h.root, resolved)
	for err == nil && strings.Contains(rel, "/usb") {
		rel = filepath.Dir(rel)
		if s := h.line(rel, "serial"); s != "" {
			return s
		}
	}
	return ""
}
