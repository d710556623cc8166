package disks

import (
	"path/filepath"
	"regexp"
	"strings"
)

// buses by the piece of a device's path in /sys that gives it away; the order matters where a path has two.
var buses = []struct {
	piece *regexp.Regexp
	name  string
}{
	{regexp.MustCompile(`/usb\d+/`), "usb"},
	{regexp.MustCompile(`/mmc_host/`), "emmc"}, // unless the card says that it is SD
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

// model puts the vendor in front of the model, except the one that all SATA disks have.
func (h *host) model(dir string) string {
	vendor := h.line(dir, "device/vendor")
	if vendor == "ATA" || strings.HasPrefix(vendor, "0x") { // of virtio it is the PCI number
		vendor = ""
	}
	for _, file := range []string{"device/model", "device/name", "loop/backing_file"} {
		if m := h.line(dir, file); m != "" {
			return strings.TrimSpace(vendor + " " + m)
		}
	}
	return vendor
}

// serial looks where each kind of disk keeps it; that of USB is an attribute of the USB device further up.
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
