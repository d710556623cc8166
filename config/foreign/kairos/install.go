package kairos

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

const ownPartitions = "the installer makes proa's own partitions on a whole disk"

// installFields are the keys of the section install.
var installFields = field.Known{"device": "", "auto": "", "reboot": "", "poweroff": "", "silent": "", "power_off": "",
	"image": noImage, "source": noImage, "system": noImage, "recovery_system": noImage, "passive": noImage, "iso": noImage,
	"no_format": ownPartitions, "partitions": ownPartitions, "extra_partitions": ownPartitions, "encrypted_partitions": "the data partition is not encrypted",
	"part_table": ownPartitions, "firmware": "a disk is always written for both UEFI and BIOS", "disable_boot_entry": "no boot entry is made in the firmware",
	"grub_options": "the boot loader is written with the image", "grub_entry_name": "the boot loader is written with the image", "tty": "the consoles of the image are those of its board",
	"bundles": noBundles, "env": "the installer reads no variables", "bind_mounts": "the root is read-only; /var, /home, /opt and /root are kept",
	"ephemeral_mounts": "the root is read-only; /var, /home, /opt and /root are kept", "cloud_init": "the config.yaml of the ISO is the configuration of the disk, or install.config_url",
	"strict": "keys that are not known are always named", "force": "", "eject_cd": "remove the medium once the machine is off", "target": ownPartitions, "allow_insecure_key": "keys are never fetched without a verified certificate",
	"skip_copy_kcrypt_plugin": "the data partition is not encrypted"}

const noImage = "the installer writes the system of the ISO that was started"

func install(d *draft.Draft, p draft.Pair) {
	r := field.Reader{Draft: d}
	f := r.Fields(p.Value, "install", installFields)
	if v, ok := f["device"]; ok {
		if s, _ := draft.String(v.Value); strings.EqualFold(s, "auto") {
			v.Value = draft.Text(v.Value, "largest")
		}
		r.Text(v, "install", "device")
	}
	for from, to := range map[string]string{"auto": "silent", "poweroff": "power_off", "force": "force", "silent": "silent", "power_off": "power_off"} {
		v, ok := f[from]
		if !ok {
			continue
		}
		on, known := draft.Truth(v.Value)
		if !known {
			d.Refuse(v.Value, "install: %s: want true or false", from)
			continue
		}
		d.Set(draft.Bool(v.Value, on), "install", to)
	}
	if v, ok := f["reboot"]; ok && field.Nothing(v.Value) {
		d.Note(v.At, "install: reboot: a silent installation ends with a restart, or with install.power_off")
	}
}
