package cloudinit

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

const neverOverwritten = "a device that has a file system or partitions is never overwritten; empty it first"

// formatFields are the keys of an entry of fs_setup.
var formatFields = field.Known{"label": "", "filesystem": "", "device": "", "partition": "",
	"overwrite": neverOverwritten, "replace_fs": neverOverwritten,
	"extra_opts": "the options of mke2fs are its own", "cmd": "write the command into boot_cmd"}

// fileSystems makes a command for each file system, which runs at every boot. mounts are tried again until it has been.
func (r *reader) fileSystems(p draft.Pair) {
	for _, n := range r.Items(p.Value) {
		f := r.Fields(n, "fs_setup", formatFields)
		kind, _ := draft.String(f["filesystem"].Value)
		device, _ := draft.String(f["device"].Value)
		label, _ := draft.String(f["label"].Value)
		switch {
		case device == "":
			r.Refuse(n, "fs_setup: an entry without a device")
		case !slices.Contains([]string{"ext2", "ext3", "ext4"}, kind):
			r.Note(n, "fs_setup: only ext4, ext3 and ext2 can be made here; the entry has no effect")
		default:
			r.Append(draft.Text(n, format(r.partition(device, f["partition"].Value), kind, label)), "boot_cmd")
		}
	}
}

// partition is the device of an entry. Without a number it is the device itself, as auto and none are for a disk that has
// no partitions.
func (r *reader) partition(device string, number *yaml.Node) string {
	device = r.device(device)
	if n, ok := draft.Number(number); ok && n > 0 {
		s, _ := draft.String(number)
		return withPartition(device, strings.TrimSpace(s))
	}
	return device
}

// formatting makes a file system on a device that is empty: blkid finds nothing on it, it has no partitions, and nothing of
// its disk is mounted, as of the system's own always something is.
const formatting = `for i in 1 2 3 4 5; do [ -e DEVICE ] && break; sleep 1; done
d=$(readlink -f DEVICE); n=${d##*/}; disk=$(readlink -f "/sys/class/block/$n"); disk=${disk%/*}; disk=${disk##*/}
[ -e "/sys/class/block/$disk" ] || disk=$n
if [ -b "$d" ] && [ -z "$(blkid "$d")" ] && ! ls "/sys/class/block/$n"/*/partition >/dev/null 2>&1 && ! grep -q "^/dev/$disk" /proc/mounts; then
  mke2fs -F -q -t KIND LABEL"$d"
fi`

func format(device, kind, label string) string {
	if label != "" {
		label = "-L " + command.Quote(label) + " "
	}
	return strings.NewReplacer("DEVICE", command.Quote(device), "KIND", kind, "LABEL", label).Replace(formatting)
}
