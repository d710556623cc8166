package config

// Install says how the live system of an ISO installs itself on a disk. An installed system does not read it, and its
// config.yaml is written without it.
type Install struct {
	// Device is the disk: its path; or words that together say which one: nvme, sata, scsi, usb, sd, emmc or virtio,
	// model=TEXT, serial=TEXT, size>=100G (also <=, <, > and =; G is 1000³ bytes, Gi 1024³), and smallest, largest or first
	// if several fit. * in a TEXT stands for anything. proa install --list shows the disks. Empty: the one that it can be.
	Device string `yaml:"device" check:"disk" example:"smallest nvme"`

	// Silent installs at the boot of the live system, without a question. A disk with something on it is left alone,
	// unless Force is set. A metadata service cannot set it.
	Silent bool `yaml:"silent" example:"true"`

	// Force lets a silent installation overwrite a disk with something on it. Not one on which the system of this ISO
	// is already: otherwise a machine that starts from the ISO again would be installed for ever. It counts only in files of
	// the medium itself and on the kernel command line.
	Force bool `yaml:"force" example:"false"`

	// Data says what becomes of the data partition of a disk that has proa: keep it, if the layout is the same, or replace
	// it by an empty one. Empty: keep.
	Data string `yaml:"data" enum:",keep,replace" example:"replace"`

	// ConfigURL is where the config.yaml of the installed system is. Empty: it gets that of the ISO.
	ConfigURL string `yaml:"config_url" check:"anyurl" secret:"true" example:"https://example.org/quay.yaml"`

	// PowerOff switches the machine off after a silent installation, instead of restarting it.
	PowerOff bool `yaml:"power_off" example:"false"`

	// Webhook is a URL that gets a POST with JSON when a silent installation begins and when it ends: event (started, done
	// or failed), device, version, and error.
	Webhook string `yaml:"webhook" check:"anyurl" secret:"true" example:"https://example.org/installed"`
}
